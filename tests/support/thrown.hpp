#pragma once

#include <string>

namespace muster::testing {

// What a call throws, by its text; empty if it throws nothing or something else.
template <class Expected, class Call>
std::string text_thrown(const Call& call) {
  try {
    call();
  } catch (const Expected& error) {
    return error.what();
  } catch (...) {
  }
  return {};
}

}  // namespace muster::testing
