#pragma once
// What carries the work of pools whose workers share our memory.

#include <muster/detail/call_task.hpp>
#include <muster/detail/imap_stream.hpp>
#include <muster/detail/map_work.hpp>

namespace muster::detail {

struct LocalWork {
  static constexpr bool kForks = true;
  template <class Out>
  static Landing* landing_in(const Out& /*out*/) noexcept {
    return nullptr;
  }
  template <class F, class... Kept>
  using Call = CallTask<F, Kept...>;
  template <class F, class... Kept>
  using Post = PostTask<F, Kept...>;
  template <class F, class Source>
  using MapResult = map_result_t<F, Source>;
  template <class Kept, class Source, class Sink, bool kTry>
  using Map = MapWork<Kept, Source, Sink, kTry>;
  template <class F, class Value>
  using Chunk = ChunkTask<F, Value>;
};

}  // namespace muster::detail
