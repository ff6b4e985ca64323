#pragma once

#include <string>

#include <muster/detail/thread_body.hpp>

namespace muster::api {

// What a programmer calls the callable, without namespaces and arguments; empty where that cannot be known.
std::string callable_name(const detail::NameSource& source);

// The last part of a name as a demangler writes it: "count" of "a::(anonymous namespace)::b<int>::count(int) const".
std::string last_part(const std::string& name);

}  // namespace muster::api
