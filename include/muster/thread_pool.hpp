#pragma once
// A pool of threads. Python's multiprocessing.pool.ThreadPool.

#include <muster/detail/any_pool.hpp>
#include <muster/detail/local_work.hpp>
#include <muster/pool_options.hpp>

namespace muster {

class ThreadPool : public detail::AnyPool<ThreadPool, detail::LocalWork> {
 public:
  // `processes` workers, as the argument is called in Python; 0: usable_cpus(). Throws ValueError when negative,
  // std::system_error when the system gives no thread.
  explicit ThreadPool(int processes = 0) : ThreadPool(PoolOptions{.processes = processes}) {}
  explicit ThreadPool(const PoolOptions& options) : AnyPool(detail::PoolCore::of_threads(options)) {}
};

}  // namespace muster
