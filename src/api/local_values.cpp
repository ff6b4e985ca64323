// Each Local has a place, the same in every thread's table; places are used again. Each value has a node that its
// thread and its Local both know. Whoever comes first, the thread's end or the Local's, takes the value out and
// destroys it, with no lock held; the node itself is always freed by its thread.

#include <muster/detail/local_values.hpp>

#include <memory>
#include <utility>
#include <vector>

#include "api/thread_state.hpp"

namespace muster::detail {

// Guarded by Threads::lock.
struct LocalNode {
  void* value;  // null: taken
  void (*destroy)(void*) noexcept;
  LocalNode* previous = nullptr;
  LocalNode* next = nullptr;
  LocalNode** first = nullptr;  // the Local's list; null: it is gone
};

namespace {

// What a thread knows of a place. `id` tells which Local it is about, `value` is good while that one lives.
struct Entry {
  std::uint64_t id = 0;
  void* value = nullptr;
  LocalNode* node = nullptr;
};

constinit thread_local std::vector<Entry>* t_table = nullptr;

// Guarded by Threads::lock. Never destroyed: Locals may be static.
struct Places {
  std::uint64_t ids = 0;
  std::size_t used = 0;
  std::vector<std::size_t> free;  // has room for all that are used
};
Places& places() {
  static auto* const made = new Places();
  return *made;
}

void link(LocalNode& node, LocalNode*& first) noexcept {
  node.first = &first;
  node.next = first;
  if (first != nullptr) first->previous = &node;
  first = &node;
}

void unlink(LocalNode& node) noexcept {
  if (node.first == nullptr) return;
  (node.previous != nullptr ? node.previous->next : *node.first) = node.next;
  if (node.next != nullptr) node.next->previous = node.previous;
  node.first = nullptr;
}

// The thread's own.
void drop_node(LocalNode* node) noexcept {
  const std::unique_ptr<LocalNode> owned(node);
  void* value = nullptr;
  {
    const LockGuard guard(threads().lock);
    unlink(*node);
    value = std::exchange(node->value, nullptr);
  }
  if (value != nullptr) node->destroy(value);
}

Entry& own_entry(std::size_t place) {
  if (t_table == nullptr) {
    t_table = new std::vector<Entry>();
    watch_end();
  }
  if (t_table->size() <= place) t_table->resize(place + 1);
  return (*t_table)[place];
}

}  // namespace

LocalValues::LocalValues() {
  const LockGuard guard(threads().lock);
  Places& all = places();
  id_ = ++all.ids;
  if (all.free.empty()) {
    all.free.reserve(all.used + 1);
    place_ = all.used++;
  } else {
    place_ = all.free.back();
    all.free.pop_back();
  }
}

LocalValues::~LocalValues() {
  for (;;) {
    void* value = nullptr;
    void (*destroy)(void*) noexcept = nullptr;
    {
      const LockGuard guard(threads().lock);
      LocalNode* const node = first_;
      if (node == nullptr) {
        places().free.push_back(place_);
        return;
      }
      unlink(*node);
      value = std::exchange(node->value, nullptr);
      destroy = node->destroy;
    }
    destroy(value);
  }
}

void* LocalValues::find() const noexcept {
  if (t_table == nullptr || t_table->size() <= place_) return nullptr;
  const Entry& entry = (*t_table)[place_];
  return entry.id == id_ ? entry.value : nullptr;
}

void LocalValues::add(void* value, void (*destroy)(void*) noexcept) {
  std::unique_ptr<void, void (*)(void*) noexcept> owned(value, destroy);
  auto node = std::make_unique<LocalNode>(LocalNode{.value = value, .destroy = destroy});
  Entry& entry = own_entry(place_);
  {
    const LockGuard guard(threads().lock);
    link(*node, first_);
  }
  static_cast<void>(owned.release());
  delete std::exchange(entry, {.id = id_, .value = value, .node = node.release()}).node;  // of a Local that is gone
}

void LocalValues::drop() noexcept {
  if (find() == nullptr) return;
  drop_node(std::exchange((*t_table)[place_], {}).node);
}

void end_locals() noexcept {
  if (t_table == nullptr) return;
  // A value's destructor may ask for other Locals: what it makes there is found by the next turn.
  while (!t_table->empty()) {
    const Entry last = t_table->back();
    t_table->pop_back();
    if (last.node != nullptr) drop_node(last.node);
  }
  delete std::exchange(t_table, nullptr);
}

}  // namespace muster::detail
