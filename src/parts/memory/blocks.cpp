#include <muster/detail/blocks.hpp>

#include <array>
#include <cstdint>
#include <new>

#include <muster/detail/lock_word.hpp>

#include "os/process.hpp"

// Each thread has a rack of two batches for each size: it takes and gives one block after another of the first, and
// has the second so that it need not go to the store when it takes and gives by turns at a batch's edge. The store,
// which all share, moves whole batches. After J. Bonwick and J. Adams, "Magazines and vmem" (USENIX 2001).
//
// Blocks are of the system's memory each, so whoever has no rack, or finds the store full, frees them one by one.

namespace muster::detail {
namespace {

struct Block {
  Block* next;
  Block* next_batch;  // of the first of a batch in the store
};

constexpr std::size_t kUnit = 64;  // sizes are multiples of it: a cache line
constexpr std::size_t kSizes = 8;
constexpr std::uint32_t kBatch = 64;
constexpr std::size_t kMostKept = std::size_t{16} << 20U;  // bytes of each size in the store

constexpr std::size_t size_of(std::size_t size) noexcept { return (size + 1) * kUnit; }

// Addresses that are used again hide what AddressSanitizer looks for.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kKeeps = false;
#else
constexpr bool kKeeps = true;
#endif

void free_batch(Block* block) noexcept {
  while (block != nullptr) {
    Block* const next = block->next;
    ::operator delete(block);
    block = next;
  }
}

class Store {
 public:
  // A full batch, or null.
  Block* take(std::size_t size) noexcept {
    const LockGuard guard(lock_);
    Block* const batch = first_[size];
    if (batch != nullptr) {
      first_[size] = batch->next_batch;
      --count_[size];
    }
    return batch;
  }
  void give(std::size_t size, Block* batch) noexcept {
    {
      const LockGuard guard(lock_);
      if (count_[size] < kMostKept / (kBatch * size_of(size))) {
        batch->next_batch = first_[size];
        first_[size] = batch;
        ++count_[size];
        return;
      }
    }
    free_batch(batch);
  }
  void lock() noexcept { lock_.lock(); }
  void unlock() noexcept { lock_.unlock(); }

 private:
  PrivateLock lock_;
  std::array<Block*, kSizes> first_{};
  std::array<std::size_t, kSizes> count_{};
};

constinit Store g_store;

// A copy of the process finds the store as it is between two calls.
[[maybe_unused]] const bool kAtForks =
    (os::at_forks([] { g_store.lock(); }, [] { g_store.unlock(); }, [] { g_store.unlock(); }), true);

struct Shelf {
  Block* first = nullptr;
  Block* full = nullptr;  // a batch, while there is one
  std::uint32_t count = 0;
};

// What a thread has. Its shelves can be used at any moment of its life, so they have no destructor: the Owner has.
struct Rack {
  enum class State : std::uint8_t { kNew, kOwned, kGone };
  State state = State::kNew;
  std::array<Shelf, kSizes> shelves;
};
constinit thread_local Rack t_rack;

struct Owner {
  Owner() noexcept { t_rack.state = Rack::State::kOwned; }
  ~Owner() {
    t_rack.state = Rack::State::kGone;
    for (std::size_t size = 0; size < kSizes; ++size) {
      Shelf& shelf = t_rack.shelves[size];
      if (shelf.full != nullptr) g_store.give(size, shelf.full);
      free_batch(shelf.first);
      shelf = {};
    }
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
};

// Whether this thread has a rack: not any more when its thread-local objects are being destroyed.
bool has_rack() noexcept {
  if (t_rack.state == Rack::State::kNew) [[unlikely]] {
    static thread_local const Owner kOwner;
  }
  return t_rack.state == Rack::State::kOwned;
}

// Puts a batch where the next blocks are taken from, if there is any.
bool refill(Shelf& shelf, std::size_t size) noexcept {
  shelf.first = shelf.full != nullptr ? shelf.full : g_store.take(size);
  shelf.full = nullptr;
  shelf.count = shelf.first != nullptr ? kBatch : 0;
  return shelf.first != nullptr;
}

void make_room(Shelf& shelf, std::size_t size) noexcept {
  if (shelf.full != nullptr) g_store.give(size, shelf.full);
  shelf.full = shelf.first;
  shelf.first = nullptr;
  shelf.count = 0;
}

}  // namespace

void* take_block(std::size_t bytes) {
  const std::size_t size = (bytes - 1) / kUnit;
  if (!kKeeps || size >= kSizes) return ::operator new(bytes);
  if (!has_rack()) return ::operator new(size_of(size));
  Shelf& shelf = t_rack.shelves[size];
  if (shelf.first == nullptr && !refill(shelf, size)) return ::operator new(size_of(size));
  Block* const block = shelf.first;
  shelf.first = block->next;
  --shelf.count;
  return block;
}

void give_block(void* block, std::size_t bytes) noexcept {
  const std::size_t size = (bytes - 1) / kUnit;
  if (!kKeeps || size >= kSizes || !has_rack()) {
    ::operator delete(block);
    return;
  }
  Shelf& shelf = t_rack.shelves[size];
  if (shelf.count == kBatch) make_room(shelf, size);
  auto* const given = ::new (block) Block{shelf.first, nullptr};
  shelf.first = given;
  ++shelf.count;
}

}  // namespace muster::detail
