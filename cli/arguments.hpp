#pragma once
// File names among the arguments, kept from CLI11: it would take [a,b] for two names, ++ for the end of a subcommand,
// and loses what stands behind --. Such a name reaches it as the path `.//name`, which is the same file.

#include <string>
#include <vector>

namespace muster::cli {

// The arguments behind the program's name, each safe from being mistaken. There is no -- among them.
std::vector<std::string> disarmed_arguments(int argc, char** argv);

// The name as the user gave it.
std::string as_given(const std::string& argument);

}  // namespace muster::cli
