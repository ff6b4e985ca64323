#pragma once

#include <exception>
#include <string>
#include <typeinfo>

namespace muster::api {

// What can be told of any exception.
struct Thrown {
  const std::type_info* type;  // of void where another language threw it
  std::string text;            // empty where it is no std::exception
};

Thrown describe(const std::exception_ptr& thrown);

}  // namespace muster::api
