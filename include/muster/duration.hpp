#pragma once
// A length of time as the API takes it: any std::chrono duration, whole or broken (10s, 300ms, 0.5s), the time until a
// point of any clock, or no limit.

#include <chrono>
#include <cstdint>
#include <limits>

#include <muster/detail/wait_word.hpp>
#include <muster/error.hpp>

namespace muster {

class Duration {
 public:
  // No limit.
  constexpr Duration() noexcept = default;

  // Negative durations count as 0, longer ones than 292 years as no limit. Throws ValueError for NaN.
  template <class Rep, class Period>
  constexpr Duration(std::chrono::duration<Rep, Period> length)
      : nanos_(whole(length)) {}  // NOLINT(google-explicit-constructor)

  // From now until that point of its clock. Points have passed, or are far away, as durations are negative or long.
  template <class Clock, class Length>
  Duration(std::chrono::time_point<Clock, Length> deadline)  // NOLINT(google-explicit-constructor)
      : Duration(Exact(deadline.time_since_epoch()) - Exact(Clock::now().time_since_epoch())) {}

  constexpr bool limited() const noexcept { return nanos_ != detail::kForever; }
  constexpr std::chrono::nanoseconds nanoseconds() const noexcept { return std::chrono::nanoseconds(nanos_); }

  // The point of the monotonic clock that lies so far from now.
  detail::Nanos deadline() const noexcept {
    const detail::Nanos start = limited() ? detail::now() : 0;
    return nanos_ > detail::kForever - start ? detail::kForever : start + nanos_;
  }

 private:
  using Exact = std::chrono::duration<long double, std::nano>;  // every nanosecond of 292 years, and no overflow beyond

  template <class Rep, class Period>
  static constexpr std::int64_t whole(std::chrono::duration<Rep, Period> length) {
    const auto nanos = std::chrono::duration_cast<Exact>(length).count();
    if (nanos != nanos) throw ValueError("a duration that is not a number");
    if (nanos <= 0) return 0;
    constexpr auto kMost = static_cast<long double>(std::numeric_limits<std::int64_t>::max());
    return nanos >= kMost ? detail::kForever : static_cast<std::int64_t>(nanos);
  }

  std::int64_t nanos_ = detail::kForever;
};

}  // namespace muster
