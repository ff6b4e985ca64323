#include "api/type_name.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

namespace muster::api {

std::string type_name(const std::type_info& type) { return type_name(std::string(type.name())); }

std::string type_name(const std::string& mangled) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status),
                                                    &std::free);
  return status == 0 && name ? name.get() : mangled;
}

}  // namespace muster::api
