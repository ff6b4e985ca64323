#pragma once
// Values and callables on their way to another process: what the templates of the pools call.

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include <muster/detail/bytes.hpp>
#include <muster/detail/codec.hpp>
#include <muster/detail/codec_memory.hpp>
#include <muster/detail/codec_std.hpp>
#include <muster/detail/export.hpp>
#include <muster/detail/refusal.hpp>

namespace muster::detail {

// Rethrows what is being handled: NotSerializable and std::bad_alloc as they are, all else as NotSerializable.
[[noreturn]] MUSTER_EXPORT void rethrow_refused();

// Does not compile. The culprit is named in the compiler's first line.
template <class Culprit, Refusal why>
constexpr void refuse() {
  static_assert(
      why != Refusal::kPointer,
      "muster: a pointer cannot travel to a worker process: its memory is not there. Pass the value itself, a "
      "std::string, a std::vector or a std::unique_ptr.");
  static_assert(
      why != Refusal::kReference,
      "muster: a reference cannot travel to a worker process: what it refers to is not there. Pass the value.");
  static_assert(why != Refusal::kView,
                "muster: a view cannot travel to a worker process: what it looks at is not there. Pass a std::string "
                "instead of a string_view, a std::vector instead of a span or an initializer_list.");
  static_assert(
      why != Refusal::kMemberPointer,
      "muster: a pointer to a member cannot travel to a worker process. Wrap it in a lambda without captures: "
      "[](const Thing& thing) { return thing.member(); }.");
  static_assert(why != Refusal::kFunction,
                "muster: a std::function cannot travel to a worker process: nobody can tell what it holds. Pass the "
                "function itself, a lambda without captures, muster::bind(f, args...), or a struct with operator().");
  static_assert(
      why != Refusal::kClosure,
      "muster: a closure with captures cannot travel to a worker process: it cannot say what it captured. Use "
      "muster::bind(f, args...) with a function or a lambda without captures, or a struct with fields and "
      "operator().");
  static_assert(
      why != Refusal::kUnion,
      "muster: a union cannot travel to a worker process: nobody can tell what it holds. Use a std::variant.");
  static_assert(
      why != Refusal::kUniquePointer,
      "muster: a smart pointer to an array or to void, or with a deleter of its own, cannot travel to a worker "
      "process. Use a std::vector, or a pointer to one object.");
  static_assert(
      why != Refusal::kOrder,
      "muster: a container whose order or hash is not an empty class cannot travel to a worker process: it would "
      "be rebuilt without it. Make it a struct without fields.");
  static_assert(why != Refusal::kNoDefault,
                "muster: a class with a serialize function needs a public default constructor, and one that moves or "
                "copies: it is filled when it arrives in a worker process.");
  static_assert(why != Refusal::kBase,
                "muster: a struct with a base class cannot travel to a worker process by itself. Give it a serialize "
                "function: template <class A> void serialize(A& a) { a(cereal::base_class<Base>(this), x, y); }.");
  static_assert(why != Refusal::kFields,
                "muster: the fields of this struct cannot be told apart: there are more than 52, or a reference among "
                "them. Give it a serialize function: template <class A> void serialize(A& a) { a(x, y); }.");
  static_assert(
      why != Refusal::kArray,
      "muster: a struct with an array and fields that are not plain cannot travel to a worker process by itself. "
      "Make the array a std::array, or give the struct a serialize function.");
  static_assert(
      why != Refusal::kConstant,
      "muster: a struct with references or constants among its fields cannot travel to a worker process. Make "
      "them values, or give it a serialize function.");
  static_assert(why != Refusal::kUnknown,
                "muster: this type cannot travel to a worker process: give it a serialize function, template <class A> "
                "void serialize(A& a) { a(x, y); }, or make it a struct of public fields. Mutexes, threads, files and "
                "futures never travel.");
}

// Does not compile, with a sentence of advice, if T cannot travel; see kTravels.
template <class T>
constexpr void check_travels() {
  using Answer = judge_t<T>;
  refuse<typename Answer::Culprit, Answer::kWhy>();
}

// Throws NotSerializable if the value turns out not to be writable, std::bad_alloc if memory runs out.
template <class T>
void write_value(Writer& out, const T& value) {
  check_travels<T>();
  if constexpr (kPlain<T>) {
    out.plain(value);
  } else if constexpr (kTravels<T>) {
    try {
      Encoder encoder(out);
      encode<T>(encoder, value);
    } catch (...) {
      rethrow_refused();
    }
  }
}

// Throws NotSerializable for bytes that are not a T, whatever they are; std::bad_alloc if memory runs out.
template <class T>
T read_value(Reader& in) {
  check_travels<T>();
  if constexpr (kPlain<T>) {
    return read_plain<T>(in);
  } else if constexpr (kTravels<T>) {
    try {
      Decoder decoder(in);
      return decode<T>(decoder);
    } catch (...) {
      rethrow_refused();
    }
  } else {
    refuse_value("its type");
  }
}

// Reads a value that is all there is: bytes left over are refused, too.
template <class T>
T read_all(std::span<const std::byte> bytes) {
  Reader in(bytes);
  if constexpr (kPlain<T>) {
    if (bytes.size() > sizeof(T)) refuse_bytes("there is more than was expected");
    return read_value<T>(in);
  } else {
    T value = read_value<T>(in);
    if (in.left() > 0) refuse_bytes("there is more than was expected");
    return value;
  }
}

// ---- callables ------------------------------------------------------------------------------------------------------

// What a worker rebuilds of a callable: the same type, but for a Spread of a reference, which owns what it calls there.
template <class F>
struct Travelling {
  using type = std::decay_t<F>;
};
template <class F>
struct Travelling<Spread<F>> {
  using type = Spread<typename Travelling<std::remove_cvref_t<F>>::type>;
};
template <class F>
using travelling_t = typename Travelling<std::remove_cvref_t<F>>::type;

// Does not compile, with a sentence of advice, if the callable cannot travel.
template <class F>
constexpr void check_callable_travels() {
  using Answer = judge_t<travelling_t<F>>;
  // A closure may be hidden in a type that we cannot look into; the advice is the same.
  constexpr bool kUnknown =
      Answer::kWhy == Refusal::kUnknown && std::is_same_v<typename Answer::Culprit, travelling_t<F>>;
  refuse<typename Answer::Culprit, kUnknown ? Refusal::kClosure : Answer::kWhy>();
}

template <class F>
inline constexpr bool kCallableTravels = kTravels<travelling_t<F>>;

template <class F>
void write_callable(Writer& out, const F& f) {
  check_callable_travels<F>();
  if constexpr (kCallableTravels<F>) {
    if constexpr (std::is_function_v<F>) {
      write_value<F*>(out, &f);
    } else {
      try {
        Encoder encoder(out);
        Codec<F>::write(encoder, f);
      } catch (...) {
        rethrow_refused();
      }
    }
  }
}

template <class F>
travelling_t<F> read_callable(Reader& in) {
  check_callable_travels<F>();
  if constexpr (kCallableTravels<F>) {
    return read_value<travelling_t<F>>(in);
  } else {
    refuse_value("its type");
  }
}

}  // namespace muster::detail
