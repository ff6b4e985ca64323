#pragma once

namespace muster::testing {

// Whether a sanitizer watches this program: then all is slower, and some limits are its own.
constexpr bool sanitized() {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  return true;
#else
  return false;
#endif
}

}  // namespace muster::testing
