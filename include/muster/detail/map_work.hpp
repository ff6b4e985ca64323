#pragma once
// A map as a loop: the inner loop over a chunk, instantiated for its types so that the compiler can inline and
// vectorize.

#include <cstddef>
#include <exception>
#include <memory>
#include <ranges>
#include <type_traits>
#include <utility>

#include <muster/async_result.hpp>
#include <muster/detail/cache_line.hpp>
#include <muster/detail/call.hpp>
#include <muster/detail/landing.hpp>
#include <muster/detail/map_core.hpp>
#include <muster/detail/source.hpp>
#include <muster/outcome.hpp>
#include <muster/results.hpp>

namespace muster::detail {

// Where results go: built in fresh memory.
template <class T>
class ResultsSink {
 public:
  using Value = T;
  using Taken = Results<T>;
  explicit ResultsSink(std::size_t size) : storage_(size, sizeof(T), alignof(T)) {}
  // In memory where other processes write them; null: as above.
  ResultsSink(std::size_t size, std::shared_ptr<Landing> landing)
      : landing_(landing.get()),
        storage_(landing ? Storage(std::move(landing)) : Storage(size, sizeof(T), alignof(T))) {}

  void shape(Loop& loop) const noexcept {
    loop.align = kObjectsALine<T>;
    loop.page = storage_.objects_a_page(sizeof(T));
    loop.landing = landing_;
  }
  auto writer() const noexcept {
    return [to = static_cast<T*>(storage_.data())](std::size_t i, auto&& make) {
      ::new (static_cast<void*>(to + i)) T(make());
    };
  }
  void destroy(std::size_t begin, std::size_t end) noexcept {
    std::destroy(static_cast<T*>(storage_.data()) + begin, static_cast<T*>(storage_.data()) + end);
  }
  static constexpr bool kDestroys = !std::is_trivially_destructible_v<T>;
  Results<T> take(std::size_t size) noexcept { return Results<T>(std::move(storage_), size); }

 private:
  Landing* landing_ = nullptr;
  Storage storage_;
};

template <>
class ResultsSink<void> {
 public:
  using Value = void;
  using Taken = Results<void>;
  explicit ResultsSink(std::size_t /*size*/) noexcept {}
  void shape(Loop&) const noexcept {}
  auto writer() const noexcept {
    return [](std::size_t, auto&& make) { static_cast<void>(make()); };
  }
  void destroy(std::size_t, std::size_t) noexcept {}
  static constexpr bool kDestroys = false;
  Results<void> take(std::size_t size) noexcept { return Results<void>(size); }
};

// Where results go: assigned to the caller's objects.
template <class T>
class IntoSink {
 public:
  using Value = T;
  using Taken = void;
  // `landing`: memory that begins with these objects, where workers elsewhere can write them; null: there is none.
  explicit IntoSink(T* to, Landing* landing = nullptr) noexcept : to_(to), landing_(landing) {}
  void shape(Loop& loop) const noexcept {
    loop.align = kObjectsALine<T>;
    loop.landing = landing_;
  }
  auto writer() const noexcept {
    return [to = to_](std::size_t i, auto&& make) { to[i] = make(); };
  }
  void destroy(std::size_t, std::size_t) noexcept {}
  static constexpr bool kDestroys = false;
  void take(std::size_t) noexcept {}

 private:
  T* to_;
  Landing* landing_;
};

// A callable as the inner loop uses it: a copy, where a copy is the same, so that the results' stores cannot be taken
// for changes of what it has captured; else itself.
template <class F>
using inner_t =
    std::conditional_t<std::is_trivially_copyable_v<F> && std::is_copy_constructible_v<F> && sizeof(F) <= 64, const F,
                       const F&>;
template <class Source>
struct InnerSource : std::conditional<std::is_trivially_copyable_v<Source>, Source, Source&> {};
template <class Array>
struct InnerSource<SharedSource<Array>> {
  using type = SpanSource<typename Array::value_type>;
};
template <class Source>
using inner_source_t = typename InnerSource<Source>::type;

// A map with its callable, its inputs, and where its results go; how an item is run is a derived class's business.
// `Kept` is how the callable is kept: F, or const F& for a caller who waits. R is what an item gives. `kTry`: failures
// are outcomes.
template <class Kept, class Source, class Sink, class R, bool kTry>
class MapOf : public MapCore {
 public:
  using F = std::remove_cvref_t<Kept>;
  using Taken = typename Sink::Taken;

  MapOf(PoolCore& core, Kept&& f, Source source, Sink sink, const CallOptions& options)
      : MapCore(core, source.size(), options, typeid(F)),
        f_(std::forward<Kept>(f)),
        source_(std::move(source)),
        sink_(std::move(sink)) {
    sink_.shape(*this);
    if constexpr (std::is_pointer_v<F>) {
      pace = &pace_of(reinterpret_cast<const void*>(f_));
    } else {
      static Pace own_pace{0};
      pace = &own_pace;
    }
  }

  // Runs the map in `core` while the caller waits.
  Taken run_now(const CallOptions& options) {
    const std::shared_ptr<PoolCore> keep = core().shared_from_this();  // an item may destroy the pool
    if (stop_.stop_possible()) {
      const StopBridge bridge(core().stop_token(), stop_);
      run_in_pool(options);
    } else {
      run_in_pool(options);
    }
    return take();
  }

  // The results; throws the failure, if there is one.
  Taken take() {
    if (const std::exception_ptr why = failure()) {
      if (!kTry || was_interrupted()) {
        if constexpr (Sink::kDestroys)
          each_done([this](std::size_t begin, std::size_t end) { sink_.destroy(begin, end); });
        std::rethrow_exception(why);
      }
      if constexpr (kTry) {
        // Nothing of a try fails; it was dropped. What was not handed out ends so.
        const auto write = sink_.writer();
        for (std::size_t i = handed; i < size; ++i) write(i, [&] { return Outcome<R>(why); });
      }
    }
    return sink_.take(size);
  }

 protected:
  Kept f_;
  Source source_;
  Sink sink_;
};

template <class F, class Source>
using map_result_t = call_result_t<F, item_t<F, Source>>;

// A map on workers that share our memory.
template <class Kept, class Source, class Sink, bool kTry>
class MapWork : public MapOf<Kept, Source, Sink, map_result_t<std::remove_cvref_t<Kept>, Source>, kTry> {
 public:
  using F = std::remove_cvref_t<Kept>;
  using Item = item_t<F, Source>;
  using R = map_result_t<F, Source>;
  static constexpr bool kToken = kWantsToken<F, Item>;

  MapWork(PoolCore& core, Kept&& f, Source source, Sink sink, const CallOptions& options)
      : MapOf<Kept, Source, Sink, R, kTry>(core, std::forward<Kept>(f), std::move(source), std::move(sink), options) {
    this->run = this->limit_.limited() ? &MapWork::run_limited : &MapWork::run_plain;
    if constexpr (kToken) {
      this->stop_ = std::stop_source();
      this->halt = [](Loop& loop) noexcept { static_cast<MapWork&>(loop).stop_.request_stop(); };
    }
  }

 private:
  // On a line of its own, or chance decides how fast the map is: an inner loop of a few instructions takes twice as
  // long where it happens to cross the edge of one.
  [[gnu::aligned(64)]] static bool run_plain(Loop& loop, std::size_t begin, std::size_t end) noexcept {
    auto& self = static_cast<MapWork&>(loop);
    inner_t<F> f = self.f_;
    return self.run_chunk(begin, end, [&](auto&& item) -> decltype(auto) {
      return call_with_stop(f, self.stop_, std::forward<decltype(item)>(item));
    });
  }

  static bool run_limited(Loop& loop, std::size_t begin, std::size_t end) noexcept {
    auto& self = static_cast<MapWork&>(loop);
    return self.run_chunk(begin, end, [&](auto&& item) -> R {
      return call_limited<R, kToken>(self.core(), self.limit_, self.stop_, self.f_, std::forward<decltype(item)>(item));
    });
  }

  template <class Call>
  bool run_chunk(std::size_t begin, std::size_t end, const Call& call) noexcept {
    inner_source_t<Source> source = this->source_;
    const auto write = this->sink_.writer();
    std::size_t i = begin;
    const auto make = [&]() -> decltype(auto) {
      auto&& item = source.at(i);
      return call(static_cast<Item>(item));
    };
    if constexpr (kTry) {
      for (; i < end; ++i) write(i, [&] { return outcome_of(make); });
      return true;
    } else {
      try {
        for (; i < end; ++i) write(i, make);
        return true;
      } catch (...) {
        this->fail(i, end);
        return false;
      }
    }
  }

  template <class Make>
  static Outcome<R> outcome_of(const Make& make) noexcept {
    try {
      if constexpr (std::is_void_v<R>) {
        make();
        return {};
      } else {
        return Outcome<R>(R(make()));
      }
    } catch (...) {
      return Outcome<R>(std::current_exception());
    }
  }
};

// A map, of whatever kind, that nobody waits for in place.
template <class Map>
class MapTask final : public AsyncState<typename Map::Taken> {
 public:
  using Taken = typename Map::Taken;
  using F = typename Map::F;

  template <class Source, class Sink>
  MapTask(PoolCore& core, F f, Source source, Sink sink, const CallOptions& options)
      : AsyncState<Taken>(kType, core, 2),
        work_(*this, core, std::move(f), std::move(source), std::move(sink), options),
        halt_((this->stop = std::stop_source()).get_token(), Halt{&work_}),
        bridge_(core.stop_token(), this->stop) {}

 private:
  class Work final : public Map {
   public:
    template <class Source, class Sink>
    Work(MapTask& task, PoolCore& core, F f, Source source, Sink sink, const CallOptions& options)
        : Map(core, std::move(f), std::move(source), std::move(sink), options), task_(task) {
      this->finish = [](Loop& loop) noexcept { static_cast<Work&>(loop).task_.settle_all(); };
    }
    void stop() noexcept {
      this->stopped.store(true, std::memory_order_relaxed);
      this->stop_.request_stop();
    }

   private:
    MapTask& task_;
  };
  struct Halt {
    Work* work;
    void operator()() noexcept { work->stop(); }
  };

  void settle_all() noexcept { this->settle_with(end()); }

  Outcome<Taken> end() noexcept {
    try {
      return work_.take();
    } catch (...) {
      return std::current_exception();
    }
  }

  static Loop* loop(Task& task) noexcept { return &static_cast<MapTask&>(task).work_; }
  static void drop(Task& task, const std::exception_ptr& why) noexcept {
    auto& self = static_cast<MapTask&>(task);
    self.settle_with(self.core().why_dropped(why));
  }
  static void destroy(Task& task) noexcept { delete static_cast<MapTask*>(&task); }

  static constexpr TaskType kType{nullptr, &drop, &destroy, &loop, &typeid(F), true};

  Work work_;
  std::stop_callback<Halt> halt_;
  StopBridge bridge_;
};

}  // namespace muster::detail
