#pragma once
// Whether a type can travel to another process; and if not, which part of it cannot, and what to tell its programmer.
// Looks through containers and into aggregates: cereal's own answers stop at the outermost type.

#include <array>
#include <bitset>
#include <chrono>
#include <deque>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include <muster/bind.hpp>
#include <muster/detail/call.hpp>
#include <muster/detail/plain.hpp>
#include <muster/shared_array.hpp>

namespace muster::detail {

enum class Refusal {
  kNone,
  kPointer,
  kReference,
  kView,
  kMemberPointer,
  kFunction,
  kClosure,
  kUnion,
  kUniquePointer,
  kOrder,
  kNoDefault,
  kBase,
  kFields,
  kArray,
  kConstant,
  kUnknown,
};

// The answer: kNone, or the part that cannot travel, and why.
template <Refusal refusal, class T>
struct Verdict {
  static constexpr Refusal kWhy = refusal;
  using Culprit = T;
};
using Fine = Verdict<Refusal::kNone, void>;

// The first of them that is not kNone.
template <class... Verdicts>
struct First {
  using type = Fine;
};
template <class Head, class... Tail>
struct First<Head, Tail...>
    : std::conditional_t<Head::kWhy == Refusal::kNone, First<Tail...>, std::type_identity<Head>> {};

// `Seen`: the aggregates that we are inside of. A type may own more of itself, as a list's node does.
template <class T, class... Seen>
struct Judge;
template <class T, class... Seen>
using judge_t = typename Judge<std::remove_cv_t<T>, Seen...>::type;
template <class Parts, class... Seen>
struct JudgeAll;
template <class... Part, class... Seen>
struct JudgeAll<Types<Part...>, Seen...> : First<judge_t<Part, Seen...>...> {};

// A lambda. There is no trait for it, but both compilers give it away in its name, which ends so:
// "... [with T = f()::<lambda(int)>]" or "... [T = (lambda at f.cpp:1:2)]".
template <class T>
constexpr bool is_lambda() {
  constexpr std::string_view kName = __PRETTY_FUNCTION__;
  return kName.ends_with(")>]") || (kName.ends_with(")]") && kName.rfind("(lambda at ") != kName.npos);
}

// Says nothing by itself, and can be made from nothing: a captureless lambda, std::less<>, a tag.
template <class T>
inline constexpr bool kEmpty =
    std::is_empty_v<T> && std::is_default_constructible_v<T> && std::is_move_constructible_v<T>;

// Looks like std::filesystem::path, whose header is a long one.
template <class T>
concept Path = requires(const T& value, typename T::string_type text) {
  { value.native() } -> std::same_as<const typename T::string_type&>;
  T(std::move(text));
};

template <class... Field>
constexpr bool hold_array(Types<Field...> /*fields*/) {
  return (std::is_array_v<Field> || ...);
}

template <class T, class... Seen>
constexpr auto judge_class() {
  if constexpr (kTaught<T>) {
    constexpr bool kMade = std::is_default_constructible_v<T> && std::is_move_constructible_v<T>;
    return Verdict<kMade ? Refusal::kNone : Refusal::kNoDefault, T>();
  } else if constexpr ((std::is_same_v<T, Seen> || ...) || kEmpty<T> || Path<T>) {
    return Fine();
  } else if constexpr (!std::is_aggregate_v<T>) {
    return Verdict<is_lambda<T>() ? Refusal::kClosure : Refusal::kUnknown, T>();
  } else if constexpr (kLayout<T>.base) {
    return Verdict<Refusal::kBase, T>();
  } else if constexpr (!kDivisible<T>) {
    return Verdict<kLayout<T>.unions ? Refusal::kUnion : Refusal::kFields, T>();
  } else {
    using Inside = typename JudgeAll<fields_t<T>, T, Seen...>::type;
    if constexpr (Inside::kWhy != Refusal::kNone) {
      return Inside();
    } else if constexpr (!std::is_move_assignable_v<T>) {
      return Verdict<Refusal::kConstant, T>();
    } else if constexpr (!kPlain<T> && hold_array(fields_t<T>())) {
      return Verdict<Refusal::kArray, T>();
    } else {
      return Fine();
    }
  }
}

template <class T, class... Seen>
constexpr auto judge() {
  if constexpr (std::is_reference_v<T>) {
    return Verdict<Refusal::kReference, T>();
  } else if constexpr (std::is_pointer_v<T>) {
    return Verdict<std::is_function_v<std::remove_pointer_t<T>> ? Refusal::kNone : Refusal::kPointer, T>();
  } else if constexpr (std::is_member_pointer_v<T>) {
    return Verdict<Refusal::kMemberPointer, T>();
  } else if constexpr (std::is_union_v<T>) {
    return Verdict<Refusal::kUnion, T>();
  } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
    return Fine();
  } else if constexpr (std::is_array_v<T>) {  // as a field
    return judge_t<std::remove_all_extents_t<T>, Seen...>();
  } else if constexpr (std::is_class_v<T>) {
    return judge_class<T, Seen...>();
  } else {
    return Verdict<Refusal::kUnknown, T>();
  }
}

template <class T, class... Seen>
struct Judge {
  using type = decltype(judge<T, Seen...>());
};

// ---- what travels by itself -----------------------------------------------------------------------------------------

template <class C, class Tr, class A, class... Seen>
struct Judge<std::basic_string<C, Tr, A>, Seen...> : JudgeAll<Types<C>, Seen...> {};
template <class T, class A, class... Seen>
struct Judge<std::vector<T, A>, Seen...> : JudgeAll<Types<T>, Seen...> {};
template <class T, class A, class... Seen>
struct Judge<std::deque<T, A>, Seen...> : JudgeAll<Types<T>, Seen...> {};
template <class T, class A, class... Seen>
struct Judge<std::list<T, A>, Seen...> : JudgeAll<Types<T>, Seen...> {};
template <class T, class A, class... Seen>
struct Judge<std::forward_list<T, A>, Seen...> : JudgeAll<Types<T>, Seen...> {};
template <class T, std::size_t N, class... Seen>
struct Judge<std::array<T, N>, Seen...> : JudgeAll<Types<T>, Seen...> {};
template <std::size_t N, class... Seen>
struct Judge<std::bitset<N>, Seen...> {
  using type = Fine;
};
template <class T, class... Seen>
struct Judge<std::complex<T>, Seen...> : JudgeAll<Types<T>, Seen...> {};
template <class Rep, class Period, class... Seen>
struct Judge<std::chrono::duration<Rep, Period>, Seen...> : JudgeAll<Types<Rep>, Seen...> {};
template <class Clock, class Duration, class... Seen>
struct Judge<std::chrono::time_point<Clock, Duration>, Seen...> : JudgeAll<Types<Duration>, Seen...> {};
template <class A, class B, class... Seen>
struct Judge<std::pair<A, B>, Seen...> : JudgeAll<Types<A, B>, Seen...> {};
template <class... T, class... Seen>
struct Judge<std::tuple<T...>, Seen...> : JudgeAll<Types<T...>, Seen...> {};
template <class T, class... Seen>
struct Judge<std::optional<T>, Seen...> : JudgeAll<Types<T>, Seen...> {};
template <class... T, class... Seen>
struct Judge<std::variant<T...>, Seen...> : JudgeAll<Types<T...>, Seen...> {};

// An order or a hash that holds something would be rebuilt without it.
template <class... T>
using Orders = Verdict<(kEmpty<T> && ...) ? Refusal::kNone : Refusal::kOrder, Types<T...>>;
template <class Order, class Parts, class... Seen>
struct JudgeOrdered : First<Order, typename JudgeAll<Parts, Seen...>::type> {};

template <class K, class V, class C, class A, class... Seen>
struct Judge<std::map<K, V, C, A>, Seen...> : JudgeOrdered<Orders<C>, Types<K, V>, Seen...> {};
template <class K, class V, class C, class A, class... Seen>
struct Judge<std::multimap<K, V, C, A>, Seen...> : JudgeOrdered<Orders<C>, Types<K, V>, Seen...> {};
template <class K, class C, class A, class... Seen>
struct Judge<std::set<K, C, A>, Seen...> : JudgeOrdered<Orders<C>, Types<K>, Seen...> {};
template <class K, class C, class A, class... Seen>
struct Judge<std::multiset<K, C, A>, Seen...> : JudgeOrdered<Orders<C>, Types<K>, Seen...> {};
template <class K, class V, class H, class E, class A, class... Seen>
struct Judge<std::unordered_map<K, V, H, E, A>, Seen...> : JudgeOrdered<Orders<H, E>, Types<K, V>, Seen...> {};
template <class K, class V, class H, class E, class A, class... Seen>
struct Judge<std::unordered_multimap<K, V, H, E, A>, Seen...> : JudgeOrdered<Orders<H, E>, Types<K, V>, Seen...> {};
template <class K, class H, class E, class A, class... Seen>
struct Judge<std::unordered_set<K, H, E, A>, Seen...> : JudgeOrdered<Orders<H, E>, Types<K>, Seen...> {};
template <class K, class H, class E, class A, class... Seen>
struct Judge<std::unordered_multiset<K, H, E, A>, Seen...> : JudgeOrdered<Orders<H, E>, Types<K>, Seen...> {};

// What a smart pointer owns. Of a class with virtual functions the real type is found by cereal, if it is registered
// there.
template <class T, class... Seen>
constexpr auto judge_owned() {
  if constexpr (std::is_void_v<T> || std::is_array_v<T>) {
    return Verdict<Refusal::kUniquePointer, T>();
  } else if constexpr (std::is_polymorphic_v<T>) {
    return Verdict<std::is_abstract_v<T> || kTaught<T> ? Refusal::kNone : Refusal::kUnknown, T>();
  } else {
    return judge_t<T, Seen...>();
  }
}
template <class T, class D, class... Seen>
struct Judge<std::unique_ptr<T, D>, Seen...> {
  using type = Verdict<Refusal::kUniquePointer, std::unique_ptr<T, D>>;
};
template <class T, class... Seen>
struct Judge<std::unique_ptr<T, std::default_delete<T>>, Seen...> {
  using type = decltype(judge_owned<std::remove_cv_t<T>, Seen...>());
};
template <class T, class... Seen>
struct Judge<std::shared_ptr<T>, Seen...> {
  using type = decltype(judge_owned<std::remove_cv_t<T>, Seen...>());
};
template <class T, class... Seen>
struct Judge<std::weak_ptr<T>, Seen...> : Judge<std::shared_ptr<T>, Seen...> {};

template <class F, class... Args, class... Seen>
struct Judge<Bound<F, Args...>, Seen...> : JudgeAll<Types<F, Args...>, Seen...> {};
template <class F, class... Seen>
struct Judge<Spread<F>, Seen...> : JudgeAll<Types<std::decay_t<F>>, Seen...> {};

template <class T, class... Seen>
struct Judge<SharedArray<T>, Seen...> {
  using type = Fine;
};

// ---- what never does ------------------------------------------------------------------------------------------------

template <class C, class Tr, class... Seen>
struct Judge<std::basic_string_view<C, Tr>, Seen...> {
  using type = Verdict<Refusal::kView, std::basic_string_view<C, Tr>>;
};
template <class T, std::size_t N, class... Seen>
struct Judge<std::span<T, N>, Seen...> {
  using type = Verdict<Refusal::kView, std::span<T, N>>;
};
template <class T, class... Seen>
struct Judge<std::initializer_list<T>, Seen...> {
  using type = Verdict<Refusal::kView, std::initializer_list<T>>;
};
template <class T, class... Seen>
struct Judge<std::reference_wrapper<T>, Seen...> {
  using type = Verdict<Refusal::kReference, std::reference_wrapper<T>>;
};
template <class S, class... Seen>
struct Judge<std::function<S>, Seen...> {
  using type = Verdict<Refusal::kFunction, std::function<S>>;
};

// Whether T can be sent to another process.
template <class T>
inline constexpr bool kTravels = judge_t<T>::kWhy == Refusal::kNone;

}  // namespace muster::detail
