#include "api/thread_name.hpp"

#include <cstddef>
#include <typeinfo>

#include "api/type_name.hpp"
#include "os/modules.hpp"

namespace muster::api {
namespace {

// Both compilers' ways to write a lambda's type.
bool is_lambda(const std::string& type) {
  return type.find("{lambda(") != std::string::npos || type.find("'lambda") != std::string::npos;
}

// Where what begins at `at` with an opening bracket is over.
std::size_t behind_brackets(const std::string& text, std::size_t at) {
  int depth = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '(' || c == '<') ++depth;
    if ((c == ')' || c == '>') && --depth == 0) return at + 1;
  }
  return at;
}

std::string type_part(const std::type_info& type) {
  const std::string name = type_name(type);
  if (is_lambda(name)) return "<lambda>";
  // std::function and the like say nothing of what they hold.
  return name.starts_with("std::") ? "" : last_part(name);
}

}  // namespace

std::string last_part(const std::string& name) {
  std::string part;
  for (std::size_t at = 0; at < name.size();) {
    const char c = name[at];
    if (c == '(' || c == '<') {
      at = behind_brackets(name, at);
      // Brackets belong to what encloses the name, or they end it; or they are a template's, and the name goes on.
      if (c == '(' && name.compare(at, 2, "::") != 0) return part;
    } else if (c == ' ' || name.compare(at, 2, "::") == 0) {
      part.clear();
      at += c == ' ' ? 1 : 2;
    } else {
      part += c;
      ++at;
    }
  }
  return part;
}

std::string callable_name(const detail::NameSource& source) {
  if (source.type != nullptr) return type_part(*source.type);
  return source.function != nullptr ? last_part(type_name(os::symbol_of(source.function))) : "";
}

}  // namespace muster::api
