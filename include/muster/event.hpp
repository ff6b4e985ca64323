#pragma once
// A flag that threads wait for. Python's threading.Event.

#include <muster/detail/basic_event.hpp>

namespace muster::threading {

// 4 bytes. Its calls are those of detail::BasicEvent.
class Event : public detail::BasicEvent<detail::Scope::kPrivate> {};

}  // namespace muster::threading
