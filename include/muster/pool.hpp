#pragma once
// Everything about pools. One interface; the kinds differ in what their workers are.

#include <muster/bind.hpp>
#include <muster/cpu.hpp>
#include <muster/dummy_pool.hpp>
#include <muster/error.hpp>
#include <muster/init.hpp>
#include <muster/interrupt.hpp>
#include <muster/process_pool.hpp>
#include <muster/thread_pool.hpp>
#include <muster/worker_local.hpp>
