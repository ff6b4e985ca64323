#pragma once
// The queue by which work enters a pool from outside: any thread pushes with one exchange and never waits; takers get
// batches, one taker at a time, in order. The linked list is D. Vyukov's intrusive MPSC queue (1024cores.net, 2010).

#include <atomic>
#include <cstddef>

#include <muster/detail/lock_word.hpp>
#include <muster/detail/task.hpp>

namespace muster::queue {

class Injector {
 public:
  using Node = detail::Node;

  void push(Node& node) noexcept { push_chain(node, node); }

  // Pushes a list that the caller has linked from `first` to `last`.
  void push_chain(Node& first, Node& last) noexcept {
    last.next.store(nullptr, std::memory_order_relaxed);
    // Sequentially consistent: the push comes before the pusher's look for sleepers (see empty()).
    Node* const before = tail_.exchange(&last, std::memory_order_seq_cst);
    before->next.store(&first, std::memory_order_release);
  }

  // Takes up to `most` nodes into `taken` and says how many. 0 does not mean empty: another thread may be taking, or
  // a pusher may stand between its two steps.
  std::size_t take(Node** taken, std::size_t most) noexcept {
    if (!taking_.try_lock()) return 0;
    std::size_t count = 0;
    while (count < most) {
      Node* const node = take_one();
      if (node == nullptr) break;
      taken[count++] = node;
    }
    taking_.unlock();
    return count;
  }

  // False when something is in the queue, or about to be. A push whose exchange comes before this call in the order
  // of all sequentially consistent operations is seen: either the tail is its node, or a taker has put the stub behind
  // it, and then the head it had stored before is seen too and is not the stub until the node is taken.
  bool empty() const noexcept {
    return tail_.load(std::memory_order_seq_cst) == &stub_ && head_.load(std::memory_order_seq_cst) == &stub_;
  }

 private:
  // Only for who holds taking_.
  Node* take_one() noexcept {
    Node* head = head_.load(std::memory_order_relaxed);
    Node* next = head->next.load(std::memory_order_acquire);
    if (head == &stub_) {
      if (next == nullptr) return nullptr;
      head_.store(next, std::memory_order_seq_cst);
      head = next;
      next = head->next.load(std::memory_order_acquire);
    }
    if (next == nullptr) {
      // The last one can only go when something stands behind it.
      if (tail_.load(std::memory_order_acquire) != head) return nullptr;
      push(stub_);
      next = head->next.load(std::memory_order_acquire);
      if (next == nullptr) return nullptr;
    }
    head_.store(next, std::memory_order_seq_cst);
    return head;
  }

  alignas(64) std::atomic<Node*> tail_{&stub_};
  alignas(64) std::atomic<Node*> head_{&stub_};
  detail::PrivateLock taking_;
  Node stub_;
};

}  // namespace muster::queue
