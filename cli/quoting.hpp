#pragma once
// File names for the reader's eyes: nothing in them can move the cursor, break a line or start a new one.

#include <string>
#include <string_view>

namespace muster::cli {

// `name` in quotes, in the form that the shell takes back: 'plain', "it's", 'a'$'\n''b'.
std::string shell_quoted(std::string_view name);

// `name` as it is if every character of it can be shown, else quoted.
std::string printable(std::string_view name);

}  // namespace muster::cli
