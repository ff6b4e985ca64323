#pragma once
// Threads and their tools. Python's threading.

#include <muster/barrier.hpp>
#include <muster/condition.hpp>
#include <muster/dump.hpp>
#include <muster/event.hpp>
#include <muster/excepthook.hpp>
#include <muster/interrupt.hpp>
#include <muster/local.hpp>
#include <muster/lock.hpp>
#include <muster/rlock.hpp>
#include <muster/rwlock.hpp>
#include <muster/semaphore.hpp>
#include <muster/thread.hpp>
#include <muster/thread_handle.hpp>
#include <muster/timer.hpp>
