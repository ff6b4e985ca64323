#pragma once
// A map as a loop: what does not depend on the types of its items.

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <stop_token>
#include <typeinfo>
#include <utility>
#include <vector>

#include <muster/detail/lock_word.hpp>
#include <muster/detail/pool_core.hpp>
#include <muster/detail/run_item.hpp>
#include <muster/detail/task.hpp>

namespace muster::detail {

class MUSTER_EXPORT MapCore : public Loop {
 public:
  // Throws ValueError for a negative chunksize.
  MapCore(PoolCore& core, std::size_t items, const CallOptions& options, const std::type_info& callable);

  PoolCore& core() const noexcept { return *core_; }

 protected:
  ~MapCore() = default;

  // Requested by cancel and terminate; has a state only where somebody can ask it.
  std::stop_source stop_{std::nostopstate};
  Duration limit_;

  // The item at `at` threw what is being handled; those from there to `end` have no result.
  void fail(std::size_t at, std::size_t end) noexcept { fail(at, end, std::current_exception()); }
  // The same for what failed elsewhere.
  void fail(std::size_t at, std::size_t end, const std::exception_ptr& why) noexcept;

  // Runs the loop in the pool while the caller waits. Where the caller is interrupted meanwhile, that is its failure.
  void run_in_pool(const CallOptions& options);
  bool was_interrupted() const noexcept { return interrupted_; }

  // After the loop: the failure of the lowest index (and that is written to where the options say), or why the loop was
  // dropped; null when it is complete.
  std::exception_ptr failure() const;

  // Calls destroy(begin, end) for each run of items that have a result, after a failure.
  void each_done(const std::function<void(std::size_t begin, std::size_t end)>& destroy);

 private:
  struct Hole {
    std::size_t begin;
    std::size_t end;
  };

  PoolCore* core_;
  std::size_t* const failed_index_;  // where to say which item failed, or null
  PrivateLock lock_;                 // guards what follows while the loop runs
  std::size_t lowest_ = SIZE_MAX;
  std::exception_ptr failure_;
  std::vector<Hole> holes_;
  std::size_t lost_from_ = SIZE_MAX;
  bool interrupted_ = false;
};

}  // namespace muster::detail
