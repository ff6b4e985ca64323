#pragma once
// What the tests of resize, pause and stats share.

#include <muster/pool.hpp>

#include <vector>

#include "tests/api/process_pool.hpp"
#include "tests/support/gate.hpp"

namespace muster::testing {

template <class Kind>
using PoolOf = typename Kind::Pool;

// Tasks that have begun and stay until they are let go.
class Held {
 public:
  template <class Pool>
  Held(Pool& pool, int tasks) {
    for (int i = 0; i < tasks; ++i) results_.push_back(pool.apply_async(hold, bell_.path(), gate_.path(), i));
  }
  void await_begun(int tasks) { bell_.await(tasks); }
  void let_go() {
    gate_.open();
    for (const auto& result : results_) result.wait();
  }

 private:
  Bell bell_;
  Gate gate_;
  std::vector<AsyncResult<int>> results_;
};

// How many tasks can run at the same time: so many meet.
template <class Pool>
void expect_to_meet(Pool& pool, int workers) {
  Held held(pool, workers);
  held.await_begun(workers);
  held.let_go();
}

inline std::vector<int> numbers_to(int end) {
  std::vector<int> all;
  for (int i = 0; i < end; ++i) all.push_back(i);
  return all;
}

}  // namespace muster::testing
