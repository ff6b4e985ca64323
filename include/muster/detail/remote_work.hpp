#pragma once
// What carries the work of pools whose workers are processes. Costs its includer the serialization's headers.

#include <muster/detail/remote_map.hpp>
#include <muster/detail/remote_task.hpp>

namespace muster::detail {

struct RemoteWork {
  static constexpr bool kForks = false;
  // Whether results of this type can be left in shared memory.
  template <class T>
  static constexpr bool kLands = kLandable<T>;
  // Where workers write the objects of `out` themselves.
  template <class Out>
  static Landing* landing_in(const Out& out) noexcept {
    if constexpr (kSharedArray<Out>) return ArrayAccess::memory_of(out).get();
    return nullptr;
  }
  template <class F, class... Kept>
  using Call = RemoteCallTask<F, Kept...>;
  template <class F, class... Kept>
  using Post = RemotePostTask<F, Kept...>;
  template <class F, class Source>
  using MapResult = remote_map_result_t<F, Source>;
  template <class Kept, class Source, class Sink, bool kTry>
  using Map = RemoteMap<Kept, Source, Sink, kTry>;
  template <class F, class Value>
  using Chunk = RemoteChunk<F, Value>;
};

}  // namespace muster::detail
