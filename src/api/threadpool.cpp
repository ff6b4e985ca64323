// What is the same for all requests and pools, whatever their types.

#include <muster/threadpool.hpp>

#include <cxxabi.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <string>

#include "api/request_pool.hpp"
#include "api/type_name.hpp"

namespace muster::detail {

RequestCore::~RequestCore() = default;

void RequestCore::run(const std::stop_token& stop) noexcept {
  try {
    call(stop);
  } catch (...) {
    error_ = std::current_exception();
    failed_.store(true, std::memory_order_release);
  }
}

}  // namespace muster::detail

namespace muster::threadpool {

NoResultsPending::~NoResultsPending() = default;
NoWorkersAvailable::~NoWorkersAvailable() = default;
Full::~Full() = default;

namespace {

std::string next_id() {
  static std::atomic<std::uint64_t> count{0};
  return "#" + std::to_string(count.fetch_add(1, std::memory_order_relaxed) + 1);
}

// Type and text of the exception that is being handled.
std::string current_exception_text() {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  std::string name = type != nullptr ? api::type_name(*type) : "an exception of another language";
  try {
    throw;
  } catch (const std::exception& error) {
    return name + ": " + error.what();
  } catch (...) {
    return name;
  }
}

}  // namespace

RequestId::RequestId(std::nullptr_t /*none*/) : text_(next_id()) {}

void print_exception(const WorkRequest& request, const std::exception_ptr& error) {
  const std::string callable = api::type_name(request.callable());
  try {
    std::rethrow_exception(error);
  } catch (...) {
    std::fprintf(stderr, "muster: the work request %s, a call of %s, failed: %s\n", request.request_id().c_str(),
                 callable.c_str(), current_exception_text().c_str());
  }
}

ThreadPool::ThreadPool(std::shared_ptr<detail::RequestPool> core) noexcept : core_(std::move(core)) {}

// By delegation, so that the destructor joins what was started when the rest fails to start.
ThreadPool::ThreadPool(int workers, int queue_size, int result_queue_size, Duration poll_timeout)
    : ThreadPool(std::make_shared<detail::RequestPool>(queue_size, result_queue_size)) {
  create_workers(workers, poll_timeout);
}

ThreadPool::~ThreadPool() { core_->end(); }

void ThreadPool::put_request(const WorkRequest& request, bool block, Duration timeout) {
  core_->put(request.core(), block, timeout);
}

void ThreadPool::poll(bool block) {
  if (!core_->drain(block)) throw NoResultsPending("nothing is pending");
}

void ThreadPool::wait() { core_->drain(true); }

void ThreadPool::create_workers(int count, Duration /*poll_timeout*/) { core_->create(count); }
void ThreadPool::dismiss_workers(int count, bool do_join) { core_->dismiss(count, do_join); }
void ThreadPool::join_all_dismissed_workers() { core_->join_dismissed(); }

std::size_t ThreadPool::workers() const noexcept { return core_->workers(); }
std::size_t ThreadPool::dismissed_workers() const noexcept { return core_->dismissed(); }
std::size_t ThreadPool::work_requests() const noexcept { return core_->pending(); }

}  // namespace muster::threadpool
