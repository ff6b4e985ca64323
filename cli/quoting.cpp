#include "quoting.hpp"

#include <array>
#include <cstdint>
#include <cwchar>
#include <cwctype>

namespace muster::cli {
namespace {

// The bytes of the first character of `text`, which is not empty; 0 if it cannot be shown: a control character,
// or no character at all in the user's character set.
std::size_t shown_bytes(std::string_view text) {
  std::mbstate_t state{};
  wchar_t character = 0;
  const std::size_t bytes = std::mbrtowc(&character, text.data(), text.size(), &state);
  const bool valid = bytes != 0 && bytes <= text.size();  // the errors are huge
  return valid && std::iswprint(static_cast<std::wint_t>(character)) != 0 ? bytes : 0;
}

std::string escaped(char byte) {
  constexpr std::string_view kNamed = "\a\b\t\n\v\f\r";
  constexpr std::string_view kLetters = "abtnvfr";
  if (const auto at = kNamed.find(byte); at != std::string_view::npos) return {'\\', kLetters[at]};
  const auto value = static_cast<unsigned char>(byte);
  const auto octal = [value](int shift) { return static_cast<char>('0' + ((value >> shift) & 7)); };
  return {'\\', octal(6), octal(3), octal(0)};
}

bool all_shown(std::string_view name) {
  while (!name.empty()) {
    const std::size_t bytes = shown_bytes(name);
    if (bytes == 0) return false;
    name.remove_prefix(bytes);
  }
  return true;
}

// Inside '...', where only the quote itself and what cannot be shown need care; the latter goes into $'...'.
std::string in_single_quotes(std::string_view name) {
  std::string text = "'";
  bool escaping = false;
  while (!name.empty()) {
    const std::size_t bytes = shown_bytes(name);
    if (escaping != (bytes == 0)) text += escaping ? "''" : "'$'";
    escaping = bytes == 0;
    if (escaping) {
      text += escaped(name.front());
    } else if (name.front() == '\'') {
      text += "'\\''";
    } else {
      text += name.substr(0, bytes);
    }
    name.remove_prefix(escaping ? 1 : bytes);
  }
  return text += '\'';
}

}  // namespace

std::string shell_quoted(std::string_view name) {
  const bool double_quotes_do = name.find('\'') != std::string_view::npos &&
                                name.find_first_of("\"$`\\!") == std::string_view::npos && all_shown(name);
  return double_quotes_do ? '"' + std::string(name) + '"' : in_single_quotes(name);
}

std::string printable(std::string_view name) { return all_shown(name) ? std::string(name) : shell_quoted(name); }

}  // namespace muster::cli
