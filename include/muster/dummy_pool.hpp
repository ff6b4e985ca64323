#pragma once
// Python's multiprocessing.dummy: the interface of the process pool, on threads.

#include <muster/detail/any_pool.hpp>
#include <muster/detail/local_work.hpp>
#include <muster/pool_options.hpp>

namespace muster::dummy {

// The same as ThreadPool, under the name that Python gives it here.
class Pool : public detail::AnyPool<Pool, detail::LocalWork> {
 public:
  explicit Pool(int processes = 0) : Pool(PoolOptions{.processes = processes}) {}
  explicit Pool(const PoolOptions& options) : AnyPool(detail::PoolCore::of_threads(options)) {}
};

}  // namespace muster::dummy
