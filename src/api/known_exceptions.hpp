#pragma once

#include <vector>

#include <muster/detail/exceptions.hpp>

namespace muster::api {

// Codecs for what is known from the start: the standard library's exceptions, ours, and the values that some people
// throw.
std::vector<detail::ExceptionCodec> known_exceptions();

}  // namespace muster::api
