#pragma once
// Threads' tools. Python's threading.

#include <muster/event.hpp>
#include <muster/lock.hpp>
