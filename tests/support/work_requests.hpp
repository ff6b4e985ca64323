#pragma once
// What the tests of work requests and their pool have in common.

#include <muster/threading.hpp>
#include <muster/threadpool.hpp>

#include <stdexcept>
#include <string>
#include <vector>

namespace muster::testing {

using threading::Event;
using threadpool::Full;
using threadpool::make_requests;
using threadpool::NoResultsPending;
using threadpool::NoWorkersAvailable;
using threadpool::ThreadPool;
using threadpool::WorkRequest;

inline int square(int i) { return i * i; }
inline int fail(int i) { throw std::runtime_error("no " + std::to_string(i)); }

inline void put_all(ThreadPool& pool, const std::vector<WorkRequest>& requests) {
  for (const WorkRequest& request : requests) pool.put_request(request);
}

// A request that has begun and waits to be let go. Outlives its pool.
class Held {
 public:
  void put_into(ThreadPool& pool) {
    pool.put_request(request_);
    begun_.wait();
  }
  void let_go() { go_.set(); }

 private:
  Event begun_;
  Event go_;
  WorkRequest request_{[this] {
    begun_.set();
    go_.wait();
  }};
};

}  // namespace muster::testing
