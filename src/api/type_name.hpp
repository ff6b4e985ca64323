#pragma once

#include <string>
#include <typeinfo>

namespace muster::api {

// The type as it is written in the source, for reports.
std::string type_name(const std::type_info& type);

}  // namespace muster::api
