#include <muster/detail/returned.hpp>

#include <new>

#include <muster/detail/exceptions.hpp>
#include <muster/detail/run_item.hpp>
#include <muster/error.hpp>

namespace muster::detail {
namespace {

std::exception_ptr make_failure(const Returned& returned, std::size_t index) {
  using Tag = Returned::Tag;
  switch (returned.tag) {
    case Tag::kException: {
      Reader from(returned.bytes);
      return read_exception(from);
    }
    case Tag::kMemory:
      return std::make_exception_ptr(std::bad_alloc());
    case Tag::kTimeout:
      return std::make_exception_ptr(too_long());
    case Tag::kCpuTime:
      return std::make_exception_ptr(CpuTimeError("the task took more CPU time than its pool's cpu_time_limit"));
    case Tag::kLost:
      return std::make_exception_ptr(
          WorkerLost(index, returned.pid, returned.signal, returned.exit_code, returned.peak_memory));
    case Tag::kUnsent:
      return returned.error;
    case Tag::kDropped:
    case Tag::kValues:
    case Tag::kLanded:
      break;
  }
  if (returned.error) return returned.error;
  return std::make_exception_ptr(Cancelled("it never ended: it was cancelled, or its pool was terminated"));
}

}  // namespace

std::exception_ptr failure_of(const Returned& returned, std::size_t index) noexcept {
  try {
    return make_failure(returned, index);
  } catch (...) {
    return std::current_exception();
  }
}

}  // namespace muster::detail
