#pragma once
// How work travels to an engine whose workers do not share our memory: what the templates of the API give such an
// engine, and what it gives back.

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>

#include <muster/detail/bytes.hpp>
#include <muster/detail/task.hpp>

namespace muster::detail {

class RemoteCall;

// What became of some items in another process.
struct Returned {
  enum class Tag : std::uint8_t {
    kValues,     // `bytes` are their values, one after another
    kLanded,     // their values lie in the loop's landing
    kException,  // one item: `bytes` are what it threw
    kMemory,     // one item: there was no memory for its outcome
    kTimeout,    // one item: it took longer than its limit, and its worker was killed for it
    kCpuTime,    // one item: it took more CPU time than it may, and its worker died of it
    kLost,       // one item: its worker died with it begun
    kUnsent,     // one item: it could not be packed; `error` says why
    kDropped,    // they never began, because of `error` or, if that is null, since nobody wants them any more
  };
  Tag tag = Tag::kValues;
  std::span<const std::byte> bytes;
  std::exception_ptr error;
  std::uint32_t attempt = 0;  // how often the item was begun before
  int pid = 0;                // of the lost worker: its number, and how it ended
  int signal = 0;
  int exit_code = 0;
  std::uint64_t peak_memory = 0;
};

enum class WhatNext : std::uint8_t {
  kGoOn,
  kStop,   // no further items of this loop need to begin, but those below
  kAgain,  // run these items once more, as one attempt more
};

// The engine calls these from one thread at a time, with its lock held: they must not call back. Each item is settled
// once, then the loop is finished.
struct LoopCodec {
  // What runs the items there, and writes as many values as there are items.
  void (*run)(RemoteCall&);
  // Writes what all entries of the loop share; may be null. Both may throw.
  void (*pack_common)(const Loop&, Writer&);
  void (*pack)(const Loop&, std::size_t begin, std::size_t end, Writer&);
  WhatNext (*settle)(Loop&, std::size_t begin, std::size_t end, const Returned&) noexcept;
  // As run, but leaves the values in the loop's landing; for loops that have one.
  void (*run_in_place)(RemoteCall&) = nullptr;
};

}  // namespace muster::detail
