#pragma once
// The machine behind imap: inputs are read a few at a time, each chunk is a task, outcomes are handed out one by one.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include <muster/async_result.hpp>
#include <muster/detail/call.hpp>
#include <muster/detail/imap_window.hpp>
#include <muster/detail/run_item.hpp>
#include <muster/detail/source.hpp>
#include <muster/outcome.hpp>

namespace muster::detail {

// A chunk of items on its way. Its value is the outcomes of its items; it fails itself only by being dropped.
template <class T>
class ChunkState : public AsyncState<std::vector<Outcome<T>>> {
 public:
  using AsyncState<std::vector<Outcome<T>>>::AsyncState;
  virtual ~ChunkState() = default;
  // Moves outcomes that are there before the chunk is settled to the end of `to`: those that are next, if it is to be
  // in order. False: there are none. For the reader; they are none of the chunk's value then.
  virtual bool give_early(std::deque<Outcome<T>>& /*to*/, bool /*ordered*/) { return false; }

  std::size_t items = 0;  // that its value has
  std::size_t first = 0;  // the place of its first item in the input
};

// What the reader of an imap holds.
template <class T>
class ImapStream : public ImapWindow {
 public:
  using ImapWindow::ImapWindow;

  // The next outcome; nothing at the end. See Imap::next for what it throws.
  std::optional<Outcome<T>> next(Nanos deadline) {
    while (ready_.empty()) {
      if (!await_outcomes(deadline)) return std::nullopt;
    }
    Outcome<T> outcome = std::move(ready_.front());
    ready_.pop_front();
    return outcome;
  }

 private:
  void unpack(AsyncCore& settled) override {
    auto& chunk = static_cast<ChunkState<T>&>(settled);
    Outcome<std::vector<Outcome<T>>>& outcome = chunk.outcome();
    if (outcome.has_value()) {
      for (Outcome<T>& item : outcome.value()) ready_.push_back(std::move(item));
    } else {
      for (std::size_t i = 0; i < chunk.items; ++i) ready_.emplace_back(outcome.error());
    }
  }
  bool unpack_early(AsyncCore& chunk) override {
    return static_cast<ChunkState<T>&>(chunk).give_early(ready_, this->ordered());
  }

  std::deque<Outcome<T>> ready_;  // the reader's
};

// One chunk's task.
template <class F, class Value>
struct ChunkTypes {
  static constexpr bool kMoves = kTakes<F, Value>;
  using Item = std::conditional_t<kMoves, Value&&, Value&>;
  using Result = call_result_t<F, Item>;
  static constexpr bool kToken = kWantsToken<F, Item>;
};

template <class F, class Value>
class ChunkTask final : public ChunkState<typename ChunkTypes<F, Value>::Result> {
 public:
  static constexpr ChunkSize kSize = ChunkSize::kGiven;
  using Types = ChunkTypes<F, Value>;
  using T = typename Types::Result;

  ChunkTask(PoolCore& core, std::shared_ptr<const F> f, std::vector<Box<Value>> inputs, const CallOptions& options,
            std::shared_ptr<Arrivals> arrivals)
      : ChunkState<T>(kType, core, 2),
        f_(std::move(f)),
        inputs_(std::move(inputs)),
        limit_(options.timeout),
        arrivals_(std::move(arrivals)) {
    this->items = inputs_.size();
    if constexpr (Types::kToken) this->stop = std::stop_source();
  }

 private:
  static void run(Task& task) noexcept {
    auto& self = static_cast<ChunkTask&>(task);
    self.end(self.outcomes());
  }
  static void drop(Task& task, const std::exception_ptr& why) noexcept {
    auto& self = static_cast<ChunkTask&>(task);
    self.end(self.core().why_dropped(why));
  }
  static void destroy(Task& task) noexcept { delete static_cast<ChunkTask*>(&task); }

  void end(Outcome<std::vector<Outcome<T>>> outcome) noexcept {
    inputs_.clear();  // inputs need not wait for the reader
    this->settle_with(std::move(outcome));
    arrivals_->ring();
  }

  Outcome<std::vector<Outcome<T>>> outcomes() noexcept {
    try {
      std::vector<Outcome<T>> all;
      all.reserve(inputs_.size());
      const StopBridge bridge(this->core().stop_token(), this->stop);
      for (Box<Value>& input : inputs_) all.push_back(run_one(input.value));
      return all;
    } catch (...) {
      return std::current_exception();
    }
  }

  Outcome<T> run_one(Value& input) noexcept {
    using Item = typename Types::Item;
    try {
      if (!limit_.limited()) return T(call_with_stop(*f_, this->stop, static_cast<Item>(input)));
      return call_limited<T, Types::kToken>(this->core(), limit_, this->stop, *f_, static_cast<Item>(input));
    } catch (...) {
      return std::current_exception();
    }
  }

  static constexpr TaskType kType{&run, &drop, &destroy, nullptr, &typeid(F), true};

  const std::shared_ptr<const F> f_;
  std::vector<Box<Value>> inputs_;
  const Duration limit_;
  const std::shared_ptr<Arrivals> arrivals_;
};

// Reads the input into chunks of the pool's kind. `Kept` is the range, or a reference to one that somebody else keeps
// alive.
template <class Kind, class F, class Kept>
class ImapFeed final
    : public ImapStream<
          typename Kind::template Chunk<F, std::ranges::range_value_t<std::remove_reference_t<Kept>>>::T> {
 public:
  using Range = std::remove_reference_t<Kept>;
  using Value = std::ranges::range_value_t<Range>;
  using Chunk = typename Kind::template Chunk<F, Value>;
  using T = typename Chunk::T;

  ImapFeed(PoolCore& core, F f, Kept range, const CallOptions& options, bool ordered)
      : ImapStream<T>(core, options, ordered, std::ranges::sized_range<Range>, Chunk::kSize),
        f_(std::make_shared<const F>(std::move(f))),
        range_(std::forward<Kept>(range)) {}
  // Ends what reads from the range before the range goes.
  ~ImapFeed() override { this->stop(); }

 private:
  // A container of our own gives its elements up; what refers to elsewhere is copied from.
  static constexpr bool kGivesUp = !std::is_reference_v<Kept> && !std::ranges::view<Range> &&
                                   std::is_lvalue_reference_v<std::ranges::range_reference_t<Range>>;

  AsyncCore* read_chunk(std::size_t& items) override {
    std::vector<Box<Value>> inputs;
    try {
      const std::size_t most = std::min(this->chunk(), fair());
      while (inputs.size() < most && step()) inputs.push_back(Box<Value>{read()});
    } catch (...) {
      if (inputs.empty()) throw;
      failure_ = std::current_exception();
    }
    if (inputs.empty()) return nullptr;
    items = inputs.size();
    const std::size_t first = std::exchange(taken_, taken_ + items);
    auto* const chunk = new Chunk(this->core(), f_, std::move(inputs), this->options(), this->arrivals());
    chunk->first = first;
    return chunk;
  }

  // Where the pool chooses, chunks become smaller towards the end, so that all workers end together.
  std::size_t fair() {
    if constexpr (std::ranges::sized_range<Range>) {
      const auto size = static_cast<std::size_t>(std::ranges::size(range_));
      if (this->grows()) return (size - std::min(size, taken_)) / (2 * this->workers()) + 1;
    }
    return SIZE_MAX;
  }

  // Moves to the next input; false at the end. Not before it is wanted: a generator may take its time for it.
  bool step() {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    if (ended_) return false;
    if (!at_) {
      at_.emplace(std::ranges::begin(range_));
    } else {
      ++*at_;
    }
    ended_ = *at_ == std::ranges::end(range_);
    return !ended_;
  }

  Value read() {
    if constexpr (kGivesUp) {
      return Value(std::move(**at_));
    } else {
      return Value(**at_);
    }
  }

  const std::shared_ptr<const F> f_;
  Kept range_;
  std::optional<std::ranges::iterator_t<Range>> at_;
  bool ended_ = false;
  std::size_t taken_ = 0;       // from the input
  std::exception_ptr failure_;  // of a read whose chunk had inputs already
};

}  // namespace muster::detail
