#pragma once
// Calls and chunks of an imap on their way to worker processes: tasks that are loops, of one item or a few.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <muster/async_result.hpp>
#include <muster/detail/call_task.hpp>
#include <muster/detail/imap_stream.hpp>
#include <muster/detail/lock_word.hpp>
#include <muster/detail/remote_map.hpp>

namespace muster::detail {

inline std::uint32_t checked_retries(const CallOptions& options) {
  return static_cast<std::uint32_t>(checked_count(options.retries, "retries"));
}

// f(args...) in the worker.
template <class F, class... Kept>
struct RemoteOne {
  using R = kept_result_t<F, Kept...>;

  static void run(RemoteCall& call) {
    call.item([&](Writer& to) {
      const F f = read_callable<F>(call.input());
      auto args = read_value<std::tuple<Kept...>>(call.input());
      write_result<R>(to, [&]() -> decltype(auto) { return call_kept(f, kNoToken, args); });
    });
  }
};

// What a call to be made elsewhere keeps here: the callable and its arguments, until it is settled.
template <class F, class... Kept>
class RemoteArguments {
 public:
  using There = RemoteOne<travelling_t<F>, Kept...>;
  using R = typename There::R;

  template <class G, class... Args>
  explicit RemoteArguments(G&& f, Args&&... args) : f_(std::forward<G>(f)), args_(std::forward<Args>(args)...) {
    check_callable_travels<F>();
    (check_travels<Kept>(), ...);
    if constexpr (!std::is_void_v<R>) check_travels<R>();
  }
  void pack(Writer& to) const {
    write_callable(to, f_);
    write_value(to, args_);
  }

 private:
  const F f_;
  const std::tuple<Kept...> args_;
};

template <class R>
Outcome<R> outcome_of(const Returned& returned) noexcept {
  try {
    if (returned.tag != Returned::Tag::kValues) return failure_of(returned, 0);
    if constexpr (std::is_void_v<R>) {
      return {};
    } else {
      Reader from(returned.bytes);
      return Outcome<R>(read_value<R>(from));
    }
  } catch (...) {
    return std::current_exception();
  }
}

// One call and its outcome.
template <class F, class... Kept>
class RemoteCallTask final : public AsyncState<typename RemoteArguments<F, Kept...>::R>, private Loop {
 public:
  using R = typename RemoteArguments<F, Kept...>::R;

  template <class G, class... Args>
  RemoteCallTask(PoolCore& core, const CallOptions& options, bool /*early*/, G&& f, Args&&... args)
      : AsyncState<R>(kType, core, 2),
        retries_(checked_retries(options)),
        arguments_(std::forward<G>(f), std::forward<Args>(args)...) {
    this->size = this->chunk = 1;
    this->what = &typeid(F);
    this->codec = &kCodec;
    Loop::finish = [](Loop& loop) noexcept { static_cast<RemoteCallTask&>(loop).end(); };
  }

 private:
  static void pack(const Loop& loop, std::size_t, std::size_t, Writer& to) {
    static_cast<const RemoteCallTask&>(loop).arguments_.pack(to);
  }
  static WhatNext settle(Loop& loop, std::size_t, std::size_t, const Returned& returned) noexcept {
    auto& self = static_cast<RemoteCallTask&>(loop);
    if (to_be_tried_again(returned, self.retries_)) return WhatNext::kAgain;
    self.end_.emplace(outcome_of<R>(returned));
    return WhatNext::kGoOn;
  }
  // Callbacks run now, when the engine has nothing more to do with the call.
  void end() noexcept { this->settle_with(end_ ? std::move(*end_) : Outcome<R>(this->core().why_dropped(nullptr))); }

  static Loop* loop(Task& task) noexcept { return &static_cast<RemoteCallTask&>(task); }
  static void drop(Task& task, const std::exception_ptr& why) noexcept {
    auto& self = static_cast<RemoteCallTask&>(task);
    self.settle_with(self.core().why_dropped(why));
  }
  static void destroy(Task& task) noexcept { delete static_cast<RemoteCallTask*>(&task); }

  static constexpr TaskType kType{nullptr, &drop, &destroy, &loop, &typeid(F), true};
  static constexpr LoopCodec kCodec{&RemoteArguments<F, Kept...>::There::run, nullptr, &pack, &settle};

  const std::uint32_t retries_;
  const RemoteArguments<F, Kept...> arguments_;
  std::optional<Outcome<R>> end_;
};

// A call whose outcome nobody asks for; a failure is reported to the pool.
template <class F, class... Kept>
class RemotePostTask final : public Task, private Loop {
 public:
  template <class G, class... Args>
  RemotePostTask(PoolCore& core, const CallOptions& options, G&& f, Args&&... args)
      : Task(kType, 1),
        core_(core),
        retries_(checked_retries(options)),
        arguments_(std::forward<G>(f), std::forward<Args>(args)...) {
    this->size = this->chunk = 1;
    this->what = &typeid(F);
    this->codec = &kCodec;
    Loop::finish = [](Loop& loop) noexcept { static_cast<RemotePostTask&>(loop).end(); };
  }

 private:
  // The value that a posted call gives is nobody's; it does not travel.
  struct There {
    static void run(RemoteCall& call) {
      call.item([&](Writer&) {
        const auto f = read_callable<travelling_t<F>>(call.input());
        auto args = read_value<std::tuple<Kept...>>(call.input());
        static_cast<void>(call_kept(f, kNoToken, args));
      });
    }
  };

  static void pack(const Loop& loop, std::size_t, std::size_t, Writer& to) {
    static_cast<const RemotePostTask&>(loop).arguments_.pack(to);
  }
  static WhatNext settle(Loop& loop, std::size_t, std::size_t, const Returned& returned) noexcept {
    auto& self = static_cast<RemotePostTask&>(loop);
    if (to_be_tried_again(returned, self.retries_)) return WhatNext::kAgain;
    if (returned.tag != Returned::Tag::kValues) self.failure_ = failure_of(returned, 0);
    return WhatNext::kGoOn;
  }
  void end() noexcept {
    if (failure_) core_.report(std::move(failure_));
  }

  static Loop* loop(Task& task) noexcept { return &static_cast<RemotePostTask&>(task); }
  static void drop(Task& task, const std::exception_ptr& why) noexcept {
    if (why) static_cast<RemotePostTask&>(task).core_.report(why);
  }
  static void destroy(Task& task) noexcept { delete static_cast<RemotePostTask*>(&task); }

  static constexpr TaskType kType{nullptr, &drop, &destroy, &loop, &typeid(F), false};
  static constexpr LoopCodec kCodec{&There::run, nullptr, &pack, &settle};

  PoolCore& core_;
  const std::uint32_t retries_;
  const RemoteArguments<F, Kept...> arguments_;
  std::exception_ptr failure_;
};

// A chunk of an imap.
template <class F, class Value>
class RemoteChunk final : public ChunkState<remote_result_t<F, Value>>, private Loop {
 public:
  static constexpr ChunkSize kSize = ChunkSize::kGrown;
  using T = remote_result_t<F, Value>;

  RemoteChunk(PoolCore& core, std::shared_ptr<const F> f, std::vector<Box<Value>> inputs, const CallOptions& options,
              std::shared_ptr<Arrivals> arrivals)
      : ChunkState<T>(kType, core, 2),
        retries_(checked_retries(options)),
        f_(std::move(f)),
        inputs_(std::move(inputs)),
        outcomes_(inputs_.size()),
        arrivals_(std::move(arrivals)) {
    check_callable_travels<F>();
    check_travels<Value>();
    if constexpr (!std::is_void_v<T>) check_travels<T>();
    this->items = this->size = this->chunk = inputs_.size();
    this->common = arrivals_->number();  // the callable goes to each worker once
    this->quiet = true;
    this->prompt = options.chunksize == 0;
    this->pace = &arrivals_->pace;
    this->what = &typeid(F);
    this->codec = &kCodec;
    Loop::finish = [](Loop& loop) noexcept { static_cast<RemoteChunk&>(loop).end(); };
  }

  bool give_early(std::deque<Outcome<T>>& to, bool ordered) override {
    if (!early_.load(std::memory_order_acquire)) return false;
    const LockGuard guard(lock_);
    if (!early_.exchange(false, std::memory_order_relaxed)) return false;  // all was gathered meanwhile
    given_.resize(outcomes_.size());
    const std::size_t before = to.size();
    for (std::size_t i = 0; i < outcomes_.size(); ++i) {
      if (given_[i]) continue;
      if (outcomes_[i]) {
        to.push_back(std::move(*outcomes_[i]));
        given_[i] = true;
      } else if (ordered) {
        break;
      }
    }
    return to.size() > before;
  }

 private:
  static void pack_common(const Loop& loop, Writer& to) {
    write_callable(to, *static_cast<const RemoteChunk&>(loop).f_);
  }
  static void pack(const Loop& loop, std::size_t begin, std::size_t end, Writer& to) {
    const auto& self = static_cast<const RemoteChunk&>(loop);
    for (std::size_t i = begin; i < end; ++i) write_value<Value>(to, self.inputs_[i].value);
    self.arrivals_->bytes.store(to.size() / (end - begin), std::memory_order_relaxed);
  }

  // Nobody waits for a part of the chunk, but where there is one the reader may have it.
  static WhatNext settle(Loop& loop, std::size_t begin, std::size_t end, const Returned& returned) noexcept {
    auto& self = static_cast<RemoteChunk&>(loop);
    if (to_be_tried_again(returned, self.retries_)) return WhatNext::kAgain;
    self.take(begin, end, returned);
    if (end - begin == self.size) return WhatNext::kGoOn;
    self.early_.store(true, std::memory_order_release);
    self.arrivals_->ring();
    return WhatNext::kGoOn;
  }

  void take(std::size_t begin, std::size_t end, const Returned& returned) noexcept {
    const LockGuard guard(lock_);
    std::size_t i = begin;
    try {
      if (returned.tag == Returned::Tag::kValues) {
        Reader from(returned.bytes);
        for (; i < end; ++i) outcomes_[i].emplace(read_one(from));
      } else {
        for (; i < end; ++i) outcomes_[i].emplace(failure_of(returned, this->first + i));
      }
    } catch (...) {
      for (; i < end; ++i) outcomes_[i].emplace(std::current_exception());
    }
  }
  static Outcome<T> read_one(Reader& from) {
    if constexpr (std::is_void_v<T>) {
      return {};
    } else {
      return Outcome<T>(read_value<T>(from));
    }
  }

  void end() noexcept {
    inputs_.clear();  // inputs need not wait for the reader
    this->settle_with(gather());
    arrivals_->ring();
  }
  // What was not given yet.
  Outcome<std::vector<Outcome<T>>> gather() noexcept {
    const LockGuard guard(lock_);
    early_.store(false, std::memory_order_relaxed);
    this->items -= static_cast<std::size_t>(std::count(given_.begin(), given_.end(), true));
    try {
      std::vector<Outcome<T>> all;
      all.reserve(this->items);
      for (std::size_t i = 0; i < outcomes_.size(); ++i) {
        if (!given_.empty() && given_[i]) continue;
        all.push_back(outcomes_[i] ? std::move(*outcomes_[i]) : Outcome<T>(this->core().why_dropped(nullptr)));
      }
      return all;
    } catch (...) {
      return std::current_exception();
    }
  }

  static Loop* loop(Task& task) noexcept { return &static_cast<RemoteChunk&>(task); }
  static void drop(Task& task, const std::exception_ptr& why) noexcept {
    auto& self = static_cast<RemoteChunk&>(task);
    self.settle_with(self.core().why_dropped(why));
    self.arrivals_->ring();
  }
  static void destroy(Task& task) noexcept { delete static_cast<RemoteChunk*>(&task); }

  static constexpr TaskType kType{nullptr, &drop, &destroy, &loop, &typeid(F), true};
  static constexpr LoopCodec kCodec{&RemoteItems<travelling_t<F>, Value, T, Items::kSent>::run, &pack_common, &pack,
                                    &settle};

  const std::uint32_t retries_;
  const std::shared_ptr<const F> f_;
  std::vector<Box<Value>> inputs_;
  PrivateLock lock_;  // guards what follows
  std::vector<std::optional<Outcome<T>>> outcomes_;
  std::vector<bool> given_;         // to the reader already; empty: none
  std::atomic<bool> early_{false};  // something came before the chunk's end, and was not given yet
  const std::shared_ptr<Arrivals> arrivals_;
};

}  // namespace muster::detail
