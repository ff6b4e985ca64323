#pragma once
// Results one by one, while the work goes on. What Python's imap and imap_unordered return.

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <muster/detail/imap_stream.hpp>
#include <muster/duration.hpp>

namespace muster {

// An input range of results, and a reader of it. Move-only; for one thread at a time, which is also the only one that
// touches the input. As many items are in flight as the window allows: reading a result takes up the next input.
// Its destructor drops what has not begun and waits for what has.
template <class T>
class Imap {
  static_assert(!std::is_void_v<T>,
                "muster: imap over a function that returns nothing gives no values to read; use map");

 public:
  Imap(Imap&&) noexcept = default;
  Imap& operator=(Imap&& other) noexcept {
    if (this != &other) {
      stop();
      stream_ = std::move(other.stream_);
      current_ = std::move(other.current_);
    }
    return *this;
  }
  ~Imap() { stop(); }

  // The next result; nothing at the end. Throws the item's failure, and can be called again for those after it;
  // TimeoutError when there is none after `timeout`; what reading the input throws; and PoolClosed once when the pool
  // ended before the input did.
  std::optional<T> next(Duration timeout = {}) {
    std::optional<Outcome<T>> outcome = stream_->next(timeout.deadline());
    if (!outcome) return std::nullopt;
    return std::move(*outcome).value();
  }

  class iterator {  // NOLINT(readability-identifier-naming): as the standard spells it
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    iterator() = default;
    // The result; throws the failure of its item. The iterator can be advanced all the same.
    T& operator*() const { return imap_->current_->value(); }
    iterator& operator++() {
      imap_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool at_end() const noexcept { return !imap_->current_.has_value(); }
    friend bool operator==(const iterator& it, std::default_sentinel_t) { return it.at_end(); }

   private:
    friend class Imap;
    explicit iterator(Imap* imap) : imap_(imap) {}
    Imap* imap_ = nullptr;
  };

  // Reads the first result, unless one has been read. Waits.
  iterator begin() {
    if (!current_) advance();
    return iterator(this);
  }
  std::default_sentinel_t end() const noexcept { return {}; }

  // For the pools.
  explicit Imap(std::shared_ptr<detail::ImapStream<T>> stream) noexcept : stream_(std::move(stream)) {}

 private:
  void advance() { current_ = stream_->next(detail::kForever); }
  void stop() noexcept {
    if (stream_) stream_->stop();
  }

  std::shared_ptr<detail::ImapStream<T>> stream_;
  std::optional<Outcome<T>> current_;
};

}  // namespace muster
