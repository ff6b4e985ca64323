#pragma once
// The library's version, as the build and the packages state it too.

namespace muster {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace muster
