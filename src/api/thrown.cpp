#include "api/thrown.hpp"

#include <cxxabi.h>

namespace muster::api {

Thrown describe(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return {&typeid(error), error.what()};
  } catch (...) {
    const std::type_info* const type = abi::__cxa_current_exception_type();
    return {type != nullptr ? type : &typeid(void), ""};
  }
}

}  // namespace muster::api
