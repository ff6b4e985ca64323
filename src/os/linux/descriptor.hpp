#pragma once
// What the files of this folder share about descriptors and errors.

#include <cerrno>
#include <system_error>

#include "os/process.hpp"

namespace muster::os {

[[noreturn]] inline void throw_error(int error, const char* what) {
  throw std::system_error(error, std::generic_category(), what);
}

// Takes a descriptor that the system has just made. In a program without standard streams that may be number 0, 1 or 2,
// where everybody writes what he likes: then it gets another. None for a negative number, or where there is no other.
Descriptor own(int made) noexcept;

// The same, or throws what errno says.
Descriptor own_or_throw(int made, const char* what);

}  // namespace muster::os
