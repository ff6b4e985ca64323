#include <muster/detail/blocks.hpp>

#include <array>
#include <cstdint>
#include <new>
#include <utility>

#include <muster/detail/lock_word.hpp>

#include "os/os.hpp"
#include "os/process.hpp"
#include "parts/memory/keeps.hpp"

// Each thread has a rack of two magazines for each size: it takes and gives blocks of the one, and has the other so
// that it need not go to the depot when it takes and gives by turns at a magazine's edge. The depot, which all share,
// moves whole magazines. After J. Bonwick and J. Adams, "Magazines and vmem" (USENIX 2001).
//
// A magazine has its blocks' addresses beside each other, not in the blocks: who gives a block that it has only read
// does not write to it, and who takes blocks that another core has written can have them fetched ahead.
//
// Blocks are of the system's memory each, so whoever has no rack, or finds the depot full, frees them one by one.

namespace muster::detail {
namespace {

using memory::kKeeps;

constexpr std::size_t kUnit = 64;  // sizes are multiples of it: a cache line
constexpr std::size_t kSizes = 8;
constexpr std::uint32_t kRounds = 64;
constexpr std::uint32_t kAhead = 6;                        // blocks that are fetched before they are taken
constexpr std::size_t kMostKept = std::size_t{16} << 20U;  // bytes of each size in the depot

constexpr std::size_t size_of(std::size_t size) noexcept { return (size + 1) * kUnit; }

struct Magazine {
  Magazine* next = nullptr;
  std::uint32_t count = 0;
  std::array<void*, kRounds> blocks{};

  void free_blocks() noexcept {
    while (count > 0) ::operator delete(blocks[--count]);
  }
};

class Depot {
 public:
  // Full ones, of one size each. Null: there is none.
  Magazine* take(std::size_t size) noexcept {
    const LockGuard guard(lock_);
    Magazine* const full = pop(full_[size]);
    if (full != nullptr) --count_[size];
    return full;
  }
  void give(std::size_t size, Magazine& full) noexcept {
    {
      const LockGuard guard(lock_);
      if (count_[size] < kMostKept / (kRounds * size_of(size))) {
        push(full_[size], full);
        ++count_[size];
        return;
      }
    }
    full.free_blocks();
    give_empty(full);
  }
  // Null: there is no memory.
  Magazine* take_empty() noexcept {
    {
      const LockGuard guard(lock_);
      if (Magazine* const empty = pop(empty_)) return empty;
      if (first_used_ < first_.size()) return &first_[first_used_++];
    }
    return new (std::nothrow) Magazine;
  }
  // They are kept: as many as were full at a time, at most, and two for each thread.
  void give_empty(Magazine& empty) noexcept {
    const LockGuard guard(lock_);
    push(empty_, empty);
  }
  void lock() noexcept { lock_.lock(); }
  void unlock() noexcept { lock_.unlock(); }

 private:
  static void push(Magazine*& first, Magazine& magazine) noexcept {
    magazine.next = first;
    first = &magazine;
  }
  static Magazine* pop(Magazine*& first) noexcept {
    Magazine* const magazine = first;
    if (magazine != nullptr) first = magazine->next;
    return magazine;
  }

  PrivateLock lock_;
  std::array<Magazine*, kSizes> full_{};
  std::array<std::size_t, kSizes> count_{};
  Magazine* empty_ = nullptr;
  std::array<Magazine, 128> first_{};  // few programs need more
  std::size_t first_used_ = 0;
};

constinit Depot g_depot;

// A copy of the process finds the depot as it is between two calls.
[[maybe_unused]] const bool kAtForks =
    (os::at_forks([] { g_depot.lock(); }, [] { g_depot.unlock(); }, [] { g_depot.unlock(); }), true);

// Of one thread and one size. A magazine of a shelf may be missing, as all are at first.
class Shelf {
 public:
  // Null: neither here nor in the depot is any.
  void* take(std::size_t size) noexcept {
    if ((now_ == nullptr || now_->count == 0) && !reload(size)) return nullptr;
    const std::uint32_t at = --now_->count;
    if (at >= kAhead) os::fetch_to_write(now_->blocks[at - kAhead]);
    return now_->blocks[at];
  }
  // False: there is no memory to remember it.
  bool give(void* block, std::size_t size) noexcept {
    if ((now_ == nullptr || now_->count == kRounds) && !make_room(size)) return false;
    now_->blocks[now_->count++] = block;
    return true;
  }
  void clear(std::size_t size) noexcept {
    for (Magazine** magazine : {&now_, &other_}) {
      if (*magazine != nullptr) clear(**magazine, size);
      *magazine = nullptr;
    }
  }

 private:
  static void clear(Magazine& magazine, std::size_t size) noexcept {
    if (magazine.count == kRounds) {
      g_depot.give(size, magazine);
      return;
    }
    magazine.free_blocks();
    g_depot.give_empty(magazine);
  }

  bool reload(std::size_t size) noexcept {
    if (other_ != nullptr && other_->count > 0) {
      std::swap(now_, other_);
    } else if (Magazine* const full = g_depot.take(size)) {
      if (other_ != nullptr) g_depot.give_empty(*other_);
      other_ = std::exchange(now_, full);
    } else {
      return false;
    }
    for (std::uint32_t ahead = 1; ahead <= kAhead && ahead < now_->count; ++ahead)
      os::fetch_to_write(now_->blocks[now_->count - ahead]);
    return true;
  }

  bool make_room(std::size_t size) noexcept {
    if (other_ == nullptr || other_->count == kRounds) {
      Magazine* const empty = g_depot.take_empty();
      if (empty == nullptr) return false;
      if (other_ != nullptr) g_depot.give(size, *other_);
      other_ = empty;
    }
    std::swap(now_, other_);
    return true;
  }

  Magazine* now_ = nullptr;
  Magazine* other_ = nullptr;
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
    for (std::size_t size = 0; size < kSizes; ++size) t_rack.shelves[size].clear(size);
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

}  // namespace

void* take_block(std::size_t bytes) {
  const std::size_t size = (bytes - 1) / kUnit;
  if (!kKeeps || size >= kSizes) return ::operator new(bytes);
  void* const block = has_rack() ? t_rack.shelves[size].take(size) : nullptr;
  return block != nullptr ? block : ::operator new(size_of(size));
}

void give_block(void* block, std::size_t bytes) noexcept {
  const std::size_t size = (bytes - 1) / kUnit;
  if (!kKeeps || size >= kSizes || !has_rack() || !t_rack.shelves[size].give(block, size)) ::operator delete(block);
}

}  // namespace muster::detail
