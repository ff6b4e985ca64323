#pragma once
// A map as a loop whose items run in worker processes: what is sent there, what is done there, and what comes back.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <span>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <muster/detail/loop_codec.hpp>
#include <muster/detail/map_work.hpp>
#include <muster/detail/plain.hpp>
#include <muster/detail/remote_call.hpp>
#include <muster/detail/returned.hpp>
#include <muster/detail/travel.hpp>

namespace muster::detail {

// What a worker calls f with: an item of its own, moved in where f takes it so.
template <class F, class V>
using remote_item_t = std::conditional_t<kTakes<F, V>, V&&, V&>;
template <class F, class V>
using remote_result_t = call_result_t<travelling_t<F>, remote_item_t<travelling_t<F>, V>>;

// Nobody can ask a task of another process to stop; it is killed.
inline constexpr auto kNoToken = [] { return std::stop_token(); };

template <class R, class Make>
void write_result(Writer& to, const Make& make) {
  if constexpr (std::is_void_v<R>) {
    make();
  } else {
    write_value<R>(to, make());
  }
}

// How a worker comes by its items.
enum class Items : std::uint8_t {
  kSent,
  kCounted,  // from the first one on
  kShared,   // they lie in memory that it sees
};
template <class Source>
inline constexpr Items kItems = Items::kSent;
template <class W>
inline constexpr Items kItems<IotaSource<W>> = Items::kCounted;
template <class Array>
inline constexpr Items kItems<SharedSource<Array>> = Items::kShared;

// The worker's side. F is the callable as it travels, V an item.
template <class F, class V, class R, Items kHow>
struct RemoteItems {
  using Base = std::conditional_t<kHow == Items::kShared, SharedArray<V>, V>;
  struct Common {
    F f;
    Base base;  // what is counted from, or all there are; of items that are not sent
  };

  static void run(RemoteCall& call) {
    with_items(call, [&call](const F& f, auto item_at) {
      for (std::size_t i = call.begin(); i < call.end(); ++i) {
        const bool go_on = call.item([&](Writer& to) {
          auto&& item = item_at(i);
          write_result<R>(to, [&]() -> decltype(auto) { return call_with(f, item); });
        });
        if (!go_on) return;
      }
    });
  }

  // On a line of its own, as MapWork::run_plain.
  [[gnu::aligned(64)]] static void run_in_place(RemoteCall& call)
    requires(kLandable<R>)
  {
    R* const to = call.landing<R>();
    with_items(call, [&call, to](const F& f, auto item_at) {
      inner_t<F> inner = f;
      call.items_in_place(to, [&, to](std::size_t i) {
        auto&& item = item_at(i);
        to[i] = call_with(inner, item);
      });
    });
  }

 private:
  static decltype(auto) call_with(const F& f, V& item) {
    return muster::detail::call(f, kNoToken, static_cast<remote_item_t<F, V>>(item));
  }

  // use(f, item_at): where item_at(i) gives the items one after another.
  template <class Use>
  static void with_items(RemoteCall& call, const Use& use) {
    if constexpr (kHow != Items::kSent) {
      const Common& common = call.common<Common>([](Reader& from) {
        F f = read_callable<F>(from);
        return Common{std::move(f), read_value<Base>(from)};
      });
      if constexpr (kHow == Items::kCounted) {
        const V first = common.base;
        use(common.f, [first](std::size_t i) { return static_cast<V>(static_cast<std::size_t>(first) + i); });
      } else {
        V* const items = common.base.data();
        use(common.f, [items](std::size_t i) -> V& { return items[i]; });
      }
    } else {
      const F& f = call.common<F>([](Reader& from) { return read_callable<F>(from); });
      if constexpr (kPlain<V>) {
        use(f, [&call](std::size_t) { return read_value<V>(call.input()); });
      } else {
        use(f, [&call, unreadable = std::exception_ptr()](std::size_t) mutable { return read_next(call, unreadable); });
      }
    }
  }

  // Behind an item that cannot be read nobody knows where the next one begins: those that are left fail as it did.
  static V read_next(RemoteCall& call, std::exception_ptr& unreadable) {
    if (unreadable) std::rethrow_exception(unreadable);
    try {
      return read_value<V>(call.input());
    } catch (...) {
      unreadable = std::current_exception();
      call.input_is_torn();
      throw;
    }
  }
};

// The items [begin, end) of a source as bytes, one after another.
template <class V, class Source>
void write_items(Writer& to, const Source& source, std::size_t begin, std::size_t end) {
  auto& items =
      const_cast<Source&>(source);  // at() of a source that gives up its elements is not const; here it need not
  if constexpr (kPlain<V> && requires { items.contiguous(); }) {
    to.write(items.contiguous() + begin, (end - begin) * sizeof(V));
  } else {
    for (std::size_t i = begin; i < end; ++i) {
      const V& item = items.at(i);
      write_value<V>(to, item);
    }
  }
}

template <class F, class Source>
using remote_map_result_t =
    remote_result_t<F, std::remove_cvref_t<decltype(std::declval<std::remove_const_t<Source>&>().at(0))>>;

// The side of who calls. See MapOf.
template <class Kept, class Source, class Sink, bool kTry>
class RemoteMap : public MapOf<Kept, Source, Sink, remote_map_result_t<std::remove_cvref_t<Kept>, Source>, kTry> {
 public:
  using F = std::remove_cvref_t<Kept>;
  using V = std::remove_cvref_t<decltype(std::declval<Source&>().at(0))>;
  using R = remote_map_result_t<F, Source>;

  RemoteMap(PoolCore& core, Kept&& f, Source source, Sink sink, const CallOptions& options)
      : MapOf<Kept, Source, Sink, R, kTry>(core, std::forward<Kept>(f), std::move(source), std::move(sink), options),
        retries_(static_cast<std::uint32_t>(checked_count(options.retries, "retries"))) {
    check_callable_travels<F>();
    check_travels<V>();
    if constexpr (!std::is_void_v<R>) check_travels<R>();
    if constexpr (!kLands) this->landing = nullptr;
    this->codec = &kCodec;
    this->stops_at_failure = !kTry;
  }

 private:
  static constexpr Items kHow = kItems<Source>;
  // Whether workers can write results where they belong.
  static constexpr bool kLands = !kTry && kLandable<R> && std::is_same_v<typename Sink::Value, R>;

  static void pack_common(const Loop& loop, Writer& to) {
    const auto& self = static_cast<const RemoteMap&>(loop);
    write_callable(to, self.f_);
    if constexpr (kHow == Items::kCounted) write_value<V>(to, self.source_.at(0));
    if constexpr (kHow == Items::kShared) write_value(to, self.source_.array());
  }

  static void pack(const Loop& loop, std::size_t begin, std::size_t end, Writer& to) {
    if constexpr (kHow == Items::kSent) write_items<V>(to, static_cast<const RemoteMap&>(loop).source_, begin, end);
  }

  static WhatNext settle(Loop& loop, std::size_t begin, std::size_t end, const Returned& returned) noexcept {
    auto& self = static_cast<RemoteMap&>(loop);
    if (returned.tag == Returned::Tag::kLanded) return WhatNext::kGoOn;
    if (returned.tag == Returned::Tag::kValues) return self.take_values(begin, end, returned.bytes);
    if (to_be_tried_again(returned, self.retries_)) return WhatNext::kAgain;
    return self.end(begin, end, failure_of(returned, begin));
  }

  WhatNext take_values(std::size_t begin, std::size_t end, std::span<const std::byte> bytes) noexcept {
    if constexpr (std::is_void_v<R> && !kTry) {
      return WhatNext::kGoOn;
    } else {
      const auto write = this->sink_.writer();
      Reader from(bytes);
      std::size_t i = begin;
      try {
        for (; i < end; ++i) write(i, [&from] { return read_outcome(from); });
        return WhatNext::kGoOn;
      } catch (...) {
        return this->end(i, end, std::current_exception());
      }
    }
  }

  static auto read_outcome(Reader& from) {
    if constexpr (std::is_void_v<R>) {
      return Outcome<R>();
    } else if constexpr (kTry) {
      return Outcome<R>(read_value<R>(from));
    } else {
      return read_value<R>(from);
    }
  }

  // The items end with `why`.
  WhatNext end(std::size_t begin, std::size_t end, const std::exception_ptr& why) noexcept {
    if constexpr (kTry) {
      const auto write = this->sink_.writer();
      for (std::size_t i = begin; i < end; ++i) write(i, [&why] { return Outcome<R>(why); });
      return WhatNext::kGoOn;
    } else {
      this->fail(begin, end, why);
      return WhatNext::kStop;
    }
  }

  using Worker = RemoteItems<travelling_t<F>, V, R, kHow>;

  static constexpr auto run_in_place() -> void (*)(RemoteCall&) {
    if constexpr (kLands) return &Worker::run_in_place;
    return nullptr;
  }

  static constexpr LoopCodec kCodec{&Worker::run, &pack_common, &pack, &settle, run_in_place()};

  const std::uint32_t retries_;
};

}  // namespace muster::detail
