#pragma once
// The start methods that chaos is tried with: a new one is one line here.

#include <array>
#include <string_view>

#include <muster/process_options.hpp>

namespace muster::chaos {

struct Method {
  std::string_view name;
  StartMethod method;
};

inline constexpr std::array kMethods{
    Method{"fork", StartMethod::fork},
    Method{"forkserver", StartMethod::forkserver},
    Method{"spawn", StartMethod::spawn},
};

}  // namespace muster::chaos
