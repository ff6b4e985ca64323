#pragma once

#include <string>
#include <typeinfo>

namespace muster::api {

// The type as it is written in the source, for reports.
std::string type_name(const std::type_info& type);
// The same for the name that type.name() gave in another process.
std::string type_name(const std::string& mangled);

}  // namespace muster::api
