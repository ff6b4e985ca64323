// What only this work would need, written for it: a thread for each share, woken by a line of memory and heard by
// another, nothing queued, measured, counted or refused. No pool can be faster, so it is no peer but a limit.

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "bench/threads/works.hpp"

namespace bench {
namespace {

class ByHand {
 public:
  explicit ByHand(int workers) {
    for (int i = 1; i < workers; ++i) shares_.push_back(std::make_unique<Share>());
    for (std::size_t i = 0; i < shares_.size(); ++i) threads_.emplace_back([this, i] { live(i); });
  }
  ~ByHand() {
    order_.to = nullptr;
    order_.size = -1;
    tell();
    for (std::thread& thread : threads_) thread.join();
  }
  ByHand(const ByHand&) = delete;
  ByHand& operator=(const ByHand&) = delete;
  static const char* name() { return "by hand"; }

  void fill(long* to, long n) {
    order_.to = to;
    order_.size = n;
    const long turn = tell();
    fill_share(to, n, 0);
    for (const auto& share : shares_) await(share->done, turn);
  }

  long trip(long i) {
    order_.to = nullptr;
    order_.size = i;
    await(shares_.front()->done, tell());
    return shares_.front()->answer;
  }

 private:
  struct alignas(128) Order {
    std::atomic<long> turn{0};
    long* to = nullptr;  // null: `size` is to be given back by the first share
    long size = 0;       // -1: the end
  };
  struct alignas(128) Share {
    std::atomic<long> done{0};  // the last turn that it has done
    long answer = 0;
  };

  void live(std::size_t i) {
    Share& share = *shares_[i];
    for (long turn = 1;; ++turn) {
      await(order_.turn, turn);
      if (order_.size < 0) return;
      if (order_.to != nullptr) fill_share(order_.to, order_.size, static_cast<long>(i) + 1);
      share.answer = order_.size;
      share.done.store(turn, std::memory_order_release);
      share.done.notify_one();
    }
  }

  long tell() {
    const long turn = order_.turn.load(std::memory_order_relaxed) + 1;
    order_.turn.store(turn, std::memory_order_release);
    order_.turn.notify_all();
    return turn;
  }

  // Awake for as long as a work lasts, or nothing but sleeping would be measured.
  static void await(const std::atomic<long>& word, long turn) {
    for (int look = 0; look < 100'000; ++look) {
      if (word.load(std::memory_order_acquire) >= turn) return;
#if __has_builtin(__builtin_ia32_pause)
      __builtin_ia32_pause();  // or it would slow the other one down, where both share a core
#endif
    }
    long seen = 0;
    while ((seen = word.load(std::memory_order_acquire)) < turn) word.wait(seen, std::memory_order_acquire);
  }

  void fill_share(long* to, long n, long which) const {
    const long count = static_cast<long>(shares_.size()) + 1;
    const long end = n * (which + 1) / count;
    for (long i = n * which / count; i < end; ++i) to[i] = square(i);
  }

  Order order_;
  std::vector<std::unique_ptr<Share>> shares_;
  std::vector<std::thread> threads_;
};

}  // namespace

// Only where each thread has a CPU.
std::vector<Work> by_hand_works(int workers) {
  static std::unique_ptr<ByHand> by_hand;
  by_hand.reset();
  if (workers < 2 || at_once(workers) < workers) return {};
  by_hand = std::make_unique<ByHand>(workers);
  return works_of(*by_hand, workers);
}

}  // namespace bench
