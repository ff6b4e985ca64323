#pragma once
// The values of one Local, one for each thread that has asked: who owns them, and who destroys them.

#include <cstddef>
#include <cstdint>

#include <muster/detail/export.hpp>

namespace muster::detail {

struct LocalNode;  // one value

class MUSTER_EXPORT LocalValues {
 public:
  LocalValues();
  // Destroys all values, whose threads may live on.
  ~LocalValues();
  LocalValues(const LocalValues&) = delete;
  LocalValues& operator=(const LocalValues&) = delete;

  // The calling thread's value; null if it has none.
  void* find() const noexcept;
  // Gives the calling thread a value, which must have none. The value is ours from here on, even if this throws
  // std::bad_alloc.
  void add(void* value, void (*destroy)(void*) noexcept);
  // Destroys the calling thread's value, if it has one.
  void drop() noexcept;

 private:
  std::size_t place_;  // in each thread's table; another Local's when this one is gone
  std::uint64_t id_;   // never another's
  LocalNode* first_ = nullptr;
};

}  // namespace muster::detail
