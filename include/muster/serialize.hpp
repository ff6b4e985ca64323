#pragma once
// How values travel to worker processes and back: arguments, results, and the callables themselves.
//
// By themselves travel
// - numbers, bool and enums;
// - structs of public fields that travel (no base class, at most 52 fields; an array among them should be a
// std::array);
// - std::string, vector, deque, list, forward_list, array, (multi)map, (multi)set, the unordered ones, pair, tuple,
// optional,
//   variant, bitset, complex, chrono's durations and time points, filesystem::path, of whatever travels;
// - std::unique_ptr and std::shared_ptr: what they own travels, and what is shared in one call is shared again there;
// - functions, lambdas without captures, muster::bind(f, args...), and structs with fields and operator().
// What is move-only may be so, and needs no default constructor.
//
// Any other class is taught by a function that names what it consists of, as cereal wants it
// (https://uscilab.github.io/cereal):
//
//   class Account {
//     ...
//     template <class Archive>
//     void serialize(Archive& archive) { archive(owner_, balance_); }
//   };
//
// or by save() and load(), as members or beside the class. Private ones say `friend class cereal::access`. The class is
// made by its default constructor, then filled. Base classes are named as cereal::base_class<Base>(this). Classes with
// virtual functions travel behind smart pointers if they are registered with CEREAL_REGISTER_TYPE, after this header.
//
// Never: pointers, references, string_view, span, unions, std::function, and lambdas that captured something. What they
// refer to is not there on the other side. They do not compile, with a sentence that says what to write instead.
//
// Numbers have the size and the byte order of the machine: both sides are the same program on the same machine. Values
// nest at most 1000 deep. What arrives is checked before anything is allocated for it; what is wrong with it is a
// NotSerializable.

#include <muster/detail/travel.hpp>

namespace muster {

// Whether values of type T can be sent to worker processes: false where sending one would not compile.
template <class T>
inline constexpr bool kTravels = detail::kTravels<T>;

}  // namespace muster
