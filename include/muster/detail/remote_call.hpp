#pragma once
// What a function is given that runs in a worker process: bytes to take its inputs from, and where to write results.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>

#include <muster/detail/bytes.hpp>
#include <muster/detail/cache_line.hpp>
#include <muster/detail/exceptions.hpp>
#include <muster/detail/export.hpp>

namespace muster::detail {

// One entry: the items [begin, end) of a loop. The engine's worker makes it; the functions of templates use it. Each
// item is run by `item`, in order, so that at any moment it is known which one has begun and which have a result.
class MUSTER_EXPORT RemoteCall : protected Writer {
 public:
  std::size_t begin() const noexcept { return begin_item_; }
  std::size_t end() const noexcept { return end_item_; }
  Reader& input() noexcept { return input_; }
  // An item's input cannot be read, and so none behind it.
  void input_is_torn() noexcept { torn_ = true; }

  // What the entries of the loop share: made from its bytes by make(Reader&) for the first, and kept for the others.
  template <class T, class Make>
  T& common(const Make& make) {
    if (!*common_) {
      Reader reader(common_bytes_);
      *common_ = std::make_shared<T>(make(reader));
    }
    return *static_cast<T*>(common_->get());
  }

  // Of a loop with a landing: where the value of item 0 goes. The entry's items may be written there, in
  // items_in_place. Throws std::bad_alloc where there is no memory for them.
  template <class T>
  T* landing() {
    return reinterpret_cast<T*>(land(sizeof(T)));
  }

  // Runs all items of the entry: make(i) leaves the value of item i in `landing`, or throws.
  //
  // Each note is a store among those of values, and takes a place from them where stores wait for their cache lines: so
  // the lines are fetched ahead, or half as many would be on their way at a time.
  template <class T, class Make>
  void items_in_place(T* landing, const Make& make) {
    constexpr std::size_t kAhead = 8 * kObjectsALine<T>;
    std::atomic<std::uint64_t>& note = *note_;  // what make writes may look like a change of our members
    const std::uint64_t first_note = next_note_;
    const std::size_t begin = begin_item_;
    const std::size_t end = end_item_;
    for (std::size_t i = begin; i < end; ++i) {
      try {
        while (i < end) {
          if (end - i > kAhead) fetch_ahead(landing + i + kAhead);
          for (const std::size_t line_end = i + std::min(end - i, kObjectsALine<T>); i < line_end; ++i) {
            note.store(first_note + (i - begin), std::memory_order_release);
            make(begun(i));
          }
        }
      } catch (...) {
        landed(i - begin);
        fail([](Writer& to) { write_exception(to, std::current_exception()); });
        if (stop_at_failure_) return;
      }
    }
    note.store(first_note + (end - begin), std::memory_order_release);  // none is begun: all are there
    landed(end - begin);
  }

  // Runs the next item: make(Writer&) writes its value, or throws. False when no further item shall run.
  template <class Make>
  bool item(const Make& make) {
    if (taken_ != nullptr && !take_up()) return false;
    start();
    try {
      make(static_cast<Writer&>(*this));
      finish();
      return true;
    } catch (...) {
      fail([](Writer& to) { write_exception(to, std::current_exception()); });
      return !stop_at_failure_ && !to_hand_back();
    }
  }

 protected:
  RemoteCall() : input_({}) {}
  ~RemoteCall() = default;

  // The slow ways, the engine's.
  virtual void start_timed() noexcept = 0;  // the item has a time limit
  virtual void finish_slowly() = 0;         // it has one, or its value is not in the open run
  virtual void fail(void (*write_failure)(Writer&)) noexcept = 0;
  virtual std::byte* land(std::size_t item_size) = 0;
  // All items of the entry below this one have an outcome: their values are in place, but for failures told before.
  virtual void landed(std::size_t items) noexcept = 0;

  std::size_t begin_item_ = 0;
  std::size_t end_item_ = 0;
  Reader input_;
  std::span<const std::byte> common_bytes_;
  std::shared_ptr<void>* common_ = nullptr;
  bool stop_at_failure_ = false;
  bool torn_ = false;
  bool timed_ = false;
  bool slow_ = false;  // finish() is not enough: timed, or the value went to memory of its own

  // The words of src/engine/process/channel.hpp. An item's bytes lie at [Writer::begin_, at_) in the open run.
  std::atomic<std::uint64_t>* note_ = nullptr;
  std::atomic<std::uint64_t>* progress_ = nullptr;
  std::atomic<std::uint32_t>* taken_ = nullptr;  // of a prompt entry
  std::uint64_t next_note_ = 0;
  std::uint64_t progress_base_ = 0;  // of the open run
  std::uint64_t count_ = 0;          // of items in it
  std::byte* run_ = nullptr;         // its first byte

  // The items of a prompt entry behind one whose input cannot be read may be well, each by itself.
  bool to_hand_back() const noexcept { return torn_ && taken_ != nullptr; }

  static constexpr std::uint64_t kOneItem = std::uint64_t{1} << 24U;
  static constexpr std::uint32_t kNoMore = std::uint32_t{1} << 31U;  // in *taken_

 private:
  // One step for us and the pool: it knows which items we have taken up when it says that we take up no more.
  bool take_up() noexcept { return (taken_->fetch_add(1, std::memory_order_acq_rel) & kNoMore) == 0; }
  // The stores are seen in this order, whatever instruction the process dies at: begun, then done.
  void start() {
    if (timed_) return start_timed();
    note_->store(next_note_++, std::memory_order_release);
  }
  void finish() {
    if (slow_ || count_ == kMostInRun) return finish_slowly();
    begin_ = at_;
    ++count_;
    progress_->store(progress_base_ + count_ * kOneItem + static_cast<std::uint64_t>(at_ - run_),
                     std::memory_order_release);
  }

  // Nothing of the item is done before its note is written: a crash in it would be another item's else.
  static std::size_t begun(std::size_t item) noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);
#if defined(__GNUC__)
    asm volatile("" : "+r"(item));
#endif
    return item;
  }

  static constexpr std::uint64_t kMostInRun = (1U << 20U);
};

}  // namespace muster::detail
