#pragma once
// Threads' tools. Python's threading.

#include <muster/barrier.hpp>
#include <muster/condition.hpp>
#include <muster/event.hpp>
#include <muster/lock.hpp>
#include <muster/rlock.hpp>
#include <muster/rwlock.hpp>
#include <muster/semaphore.hpp>
