#pragma once
// The calls of every pool, once for all kinds: each turns its arguments into a task or a loop and hands it to the core.

#include <concepts>
#include <functional>
#include <initializer_list>
#include <memory>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <muster/async_result.hpp>
#include <muster/detail/fork_join.hpp>
#include <muster/detail/imap_stream.hpp>
#include <muster/detail/map_work.hpp>
#include <muster/detail/pool_core.hpp>
#include <muster/detail/reduce.hpp>
#include <muster/detail/source.hpp>
#include <muster/imap.hpp>
#include <muster/outcome.hpp>
#include <muster/pool_options.hpp>
#include <muster/results.hpp>

namespace muster::detail {

// How a caller who waits keeps a callable: by reference, a function by its address.
template <class F>
using kept_now_t =
    std::conditional_t<std::is_function_v<std::remove_reference_t<F>>, std::decay_t<F>, const std::remove_cvref_t<F>&>;

// Stands for the options of the pool itself (of `with`); told by its address.
inline constexpr CallOptions kPoolsOwn{};

template <class Out>
concept Output = std::contiguous_iterator<std::decay_t<Out>> ||
                 (std::ranges::contiguous_range<Out> && std::ranges::sized_range<Out>);

// `Self` has core() and defaults(). `Kind` says what carries the work: see local_work.hpp.
//
// All calls throw PoolClosed when the pool takes no more work, and ValueError for negative options. Callables are
// called as const, from several threads at once. A rvalue range is taken over; a blocking call refers to an lvalue
// range, one that returns at once copies it unless it comes as std::ref. The caller's iterators are touched by the
// caller's thread only. In a task of the same pool, a call that waits helps.
template <class Self, class Kind>
class PoolCalls {
 public:
  // ---- one call ----------------------------------------------------------------------------------------------------

  // f(args...) in a worker; waits for it and returns what it returns, or throws what it throws.
  template <class F, class... Args>
  auto apply(F&& f, Args&&... args) {
    const std::shared_ptr<PoolCore> keep = core().shared_from_this();  // the task may destroy the pool
    return result_of(launch(true, std::forward<F>(f), std::forward<Args>(args)...)).get();
  }

  // The same without waiting.
  template <class F, class... Args>
  auto apply_async(F&& f, Args&&... args) {
    return result_of(launch(false, std::forward<F>(f), std::forward<Args>(args)...));
  }

  // f(args...) in a worker, and no word of it: wait_all() says when all are done. Fire and forget.
  template <class F, class... Args>
  void post(F&& f, Args&&... args) {
    using Made = typename Kind::template Post<std::decay_t<F>, kept_t<Args>...>;
    core().submit(*new Made(core(), options(), std::forward<F>(f), std::forward<Args>(args)...), options(), false);
  }

  // ---- fork and join -----------------------------------------------------------------------------------------------

  // Calls all of them, at the same time where workers are free, and returns when they have ended. Meant for recursions:
  // in a task of the pool it costs no more than some calls; from outside it is one task, in which the first is called.
  // Pools of threads only. They may wait for what they start, but not for each other. Gives a tuple of what they give,
  // with std::monostate for one that gives nothing; nothing, if none does. Throws the failure of the first, in their
  // order, that has one; when it throws, those that have not begun do not begin.
  template <class F, class... More>
    requires(Kind::kForks && sizeof...(More) > 0)
  auto invoke(F&& f, More&&... more) {
    if (t_forks != nullptr && t_forks->home() == core().home()) return joined(fork_join(f, more...));
    if (core().is_inside()) return joined(fork_join(f, more...));
    return joined(apply([&] { return fork_join(f, more...); }));
  }

  // ---- map ---------------------------------------------------------------------------------------------------------

  // f of each item, in the order of the items. Throws the failure of the lowest index; after a failure no further chunk
  // begins. Of a function that returns nothing: an object with size(). The items of a chunk run one after another, and
  // a map that was cheap before may begin in the caller's thread alone: if items wait for each other, say .chunksize
  // = 1.
  template <class F, Input R>
  auto map(F&& f, R&& range, const CallOptions& options = kPoolsOwn) {
    return map_now<false, kept_now_t<F>>(f, source_for_now(std::forward<R>(range)), resolved(options));
  }
  template <class F, class T>
  auto map(F&& f, std::initializer_list<T> items, const CallOptions& options = kPoolsOwn) {
    return map_now<false, kept_now_t<F>>(f, borrow(items), resolved(options));
  }

  // f of each item, assigned to the objects of `out`: a contiguous range that is large enough (else ValueError), or a
  // contiguous iterator. After a failure some of them have been assigned. Worker processes write them where they are if
  // `out` is a SharedArray of what f returns.
  template <class F, Input R, Output Out>
  void map_into(F&& f, R&& range, Out&& out, const CallOptions& options = kPoolsOwn) {
    auto source = source_for_now(std::forward<R>(range));
    auto* to = room_for(source.size(), out);
    using Sink = IntoSink<std::remove_pointer_t<decltype(to)>>;
    using Work = typename Kind::template Map<kept_now_t<F>, decltype(source), Sink, false>;
    Work(core(), f, std::move(source), Sink(to, Kind::landing_in(out)), resolved(options)).run_now(resolved(options));
  }

  // One outcome an item: value, exception, timeout, or that it was dropped. Does not stop at failures.
  template <class F, Input R>
  auto try_map(F&& f, R&& range, const CallOptions& options = kPoolsOwn) {
    return map_now<true, kept_now_t<F>>(f, source_for_now(std::forward<R>(range)), resolved(options));
  }
  template <class F, class T>
  auto try_map(F&& f, std::initializer_list<T> items, const CallOptions& options = kPoolsOwn) {
    return map_now<true, kept_now_t<F>>(f, borrow(items), resolved(options));
  }

  // f(a, b, ...) of each tuple.
  template <class F, Input R>
  auto starmap(F&& f, R&& range, const CallOptions& options = kPoolsOwn) {
    return map(Spread<kept_now_t<F>>(f), std::forward<R>(range), options);
  }

  // The same without waiting: an AsyncResult of Results.
  template <class F, Input R>
  auto map_async(F&& f, R&& range, const CallOptions& options = kPoolsOwn) {
    return map_later(std::decay_t<F>(std::forward<F>(f)), source_for_later(std::forward<R>(range)), resolved(options));
  }
  template <class F, class T>
  auto map_async(F&& f, std::initializer_list<T> items, const CallOptions& options = kPoolsOwn) {
    return map_async(std::forward<F>(f), std::vector<T>(items), options);
  }
  template <class F, Input R>
  auto starmap_async(F&& f, R&& range, const CallOptions& options = kPoolsOwn) {
    return map_async(Spread<std::decay_t<F>>(std::forward<F>(f)), std::forward<R>(range), options);
  }

  // ---- reduce ------------------------------------------------------------------------------------------------------

  // All items combined by op(T, T), which must be associative: functools.reduce of Python, in parallel. They are
  // combined in their order (op need not be commutative), and which are combined with which depends on their number
  // alone: the result is the same for every number of workers, also of floating-point numbers, where it may differ from
  // a plain loop's. T is the type of the items, which are taken as T(item). Throws the failure of the first block that
  // has one, and ValueError where there are no items. Of the options, chunksize and timeout do not apply. Pools of
  // threads only.
  template <class Op, Input R>
    requires(Kind::kForks)
  auto reduce(Op&& op, R&& range) {
    auto source = source_for_now(std::forward<R>(range));
    if (source.size() == 0) throw ValueError("reduce() of no items, and without an initial value");
    return reduced<std::decay_t<decltype(source.at(0))>>(op, source, options());
  }
  // The same with a value in front of the items, which says what T is; it is the result where there are none.
  template <class Op, Input R, class T>
    requires(Kind::kForks)
  T reduce(Op&& op, R&& range, T initial, const CallOptions& options = kPoolsOwn) {
    auto source = source_for_now(std::forward<R>(range));
    if (source.size() == 0) return initial;
    return std::invoke(op, std::move(initial), reduced<T>(op, source, resolved(options)));
  }

  // ---- imap --------------------------------------------------------------------------------------------------------

  // The results one by one, in the order of the items. Takes any input, also an endless one: it is read by whoever
  // reads the results, and no further ahead than `window`.
  template <class F, Input R>
  auto imap(F&& f, R&& range, const CallOptions& options = kPoolsOwn) {
    return stream(std::forward<F>(f), std::forward<R>(range), resolved(options), true);
  }
  template <class F, class T>
  auto imap(F&& f, std::initializer_list<T> items, const CallOptions& options = kPoolsOwn) {
    return stream(std::forward<F>(f), std::vector<T>(items), resolved(options), true);
  }
  // The same in the order in which they come.
  template <class F, Input R>
  auto imap_unordered(F&& f, R&& range, const CallOptions& options = kPoolsOwn) {
    return stream(std::forward<F>(f), std::forward<R>(range), resolved(options), false);
  }
  template <class F, class T>
  auto imap_unordered(F&& f, std::initializer_list<T> items, const CallOptions& options = kPoolsOwn) {
    return stream(std::forward<F>(f), std::vector<T>(items), resolved(options), false);
  }

 private:
  PoolCore& core() const { return static_cast<const Self&>(*this).core(); }
  const CallOptions& options() const { return static_cast<const Self&>(*this).defaults(); }

  CallOptions resolved(const CallOptions& options) const { return &options == &kPoolsOwn ? this->options() : options; }

  // `now`: until it is settled.
  template <class F, class... Args>
  auto launch(bool now, F&& f, Args&&... args) {
    using Made = typename Kind::template Call<std::decay_t<F>, kept_t<Args>...>;
    TaskRef<Made> task(new Made(core(), options(), !now, std::forward<F>(f), std::forward<Args>(args)...));
    now ? core().submit_and_await(*task, options()) : core().submit(*task, options(), false);
    return task;
  }
  template <class... T>
  static auto joined(std::tuple<T...> given) {
    if constexpr (!(std::is_same_v<T, std::monostate> && ...)) return given;
  }

  template <class Made>
  static auto result_of(TaskRef<Made> task) {
    return AsyncResult<typename Made::R>(TaskRef<AsyncState<typename Made::R>>(task.detach()));
  }

  template <bool kTry, class Kept, class Source>
  auto map_now(Kept f, Source source, const CallOptions& options) {
    using F = std::remove_cvref_t<Kept>;
    using R = typename Kind::template MapResult<F, Source>;
    using Sink = ResultsSink<std::conditional_t<kTry, Outcome<R>, R>>;
    using Work = typename Kind::template Map<Kept, Source, Sink, kTry>;
    Sink sink = sink_for<Sink>(source.size());
    return Work(core(), std::forward<Kept>(f), std::move(source), std::move(sink), options).run_now(options);
  }

  template <class Sink>
  Sink sink_for(std::size_t size) {
    if constexpr (requires { requires Kind::template kLands<typename Sink::Value>; }) {
      const std::size_t most = SIZE_MAX / sizeof(typename Sink::Value);
      return size < most ? Sink(size, core().landing(size * sizeof(typename Sink::Value))) : Sink(size);
    } else {
      return Sink(size);
    }
  }

  template <class T, class Op, class Source>
  T reduced(const Op& op, Source& source, CallOptions options) {
    options.chunksize = 0;
    options.timeout = {};
    const Blocks blocks(source.size());
    const auto each = [&](const auto& f, std::size_t count) {
      return map_now<false, decltype(f)>(f, IotaSource<std::size_t>(0, count), options);
    };
    Results<T> results = each(folder<T>(op, source, blocks), blocks.count());
    for (std::size_t step = 1; step < results.size(); step *= 2)
      each(combiner(op, results.data(), step), (results.size() + step - 1) / (2 * step));
    return std::move(results[0]);
  }

  template <class F, class Source>
  auto map_later(F f, Source source, const CallOptions& options) {
    using R = typename Kind::template MapResult<F, Source>;
    using Made = MapTask<typename Kind::template Map<F, Source, ResultsSink<R>, false>>;
    auto sink = sink_for<ResultsSink<R>>(source.size());
    TaskRef<Made> task(new Made(core(), std::move(f), std::move(source), std::move(sink), options));
    core().submit(*task, options, false);
    return AsyncResult<Results<R>>(TaskRef<AsyncState<Results<R>>>(task.detach()));
  }

  template <class F, class R>
  auto stream(F&& f, R&& range, const CallOptions& options, bool ordered) {
    if constexpr (kIsReference<R>) {
      return start<std::decay_t<F>, unwrapped_t<R>>(std::forward<F>(f), range.get(), options, ordered);
    } else {
      if constexpr (std::is_lvalue_reference_v<R>) {
        static_assert(kCopiable<R>,
                      "muster: imap keeps the range; this one cannot be copied: std::move it in, or pass "
                      "std::ref and keep it alive");
      }
      return start<std::decay_t<F>, std::remove_cvref_t<R>>(std::forward<F>(f), std::forward<R>(range), options,
                                                            ordered);
    }
  }

  template <class F, class Kept, class G, class R>
  auto start(G&& f, R&& range, const CallOptions& options, bool ordered) {
    using Made = ImapFeed<Kind, F, Kept>;
    auto made = std::make_shared<Made>(core(), std::forward<G>(f), std::forward<R>(range), options, ordered);
    core().add(made);
    made->start();
    return Imap<typename Made::T>(std::move(made));
  }

  template <class Out>
  static auto* room_for(std::size_t size, Out& out) {
    if constexpr (std::contiguous_iterator<std::decay_t<Out>>) {
      return std::to_address(out);
    } else {
      if (static_cast<std::size_t>(std::ranges::size(out)) < size)
        throw ValueError("map_into: the output is shorter than the input");
      return std::ranges::data(out);
    }
  }
};

}  // namespace muster::detail
