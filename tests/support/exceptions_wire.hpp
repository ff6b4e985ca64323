#pragma once
// Exceptions on the wire, without another process.

#include <gtest/gtest.h>

#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <vector>

#include <muster/exception.hpp>

#include "tests/support/wire.hpp"

namespace muster::testing {

inline std::vector<std::byte> exception_bytes(const std::exception_ptr& thrown) {
  Bytes bytes;
  detail::write_exception(bytes, thrown);
  return {bytes.all().begin(), bytes.all().end()};
}

inline std::exception_ptr sent_exception(const std::exception_ptr& thrown) {
  const std::vector<std::byte> bytes = exception_bytes(thrown);
  detail::Reader in(bytes);
  std::exception_ptr arrived = detail::read_exception(in);
  EXPECT_EQ(in.left(), 0U);
  return arrived;
}

// What `action` throws, sent, must be exactly an E. Returns it.
template <class E, class Action>
E arrives_as(const Action& action) {
  try {
    action();
  } catch (...) {
    try {
      std::rethrow_exception(sent_exception(std::current_exception()));
    } catch (const E& arrived) {
      EXPECT_EQ(typeid(arrived), typeid(E));
      return arrived;
    }
  }
  throw std::logic_error("nothing was thrown");
}

// The same for something derived from E that says the same as the original.
template <class E>
void arrives_below(const std::exception_ptr& thrown, const std::string& text) {
  try {
    std::rethrow_exception(sent_exception(thrown));
  } catch (const E& arrived) {
    EXPECT_EQ(arrived.what(), text);
  }
}

}  // namespace muster::testing
