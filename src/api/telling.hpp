#pragma once
// Threads, waits and circles of waits in words.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/waits.hpp"

namespace muster::detail {

// With the names that threads have when this is made. Takes Threads::lock for that moment.
class Telling {
 public:
  Telling();

  // "deadlock: 'a' waits for Lock 0x10, held by 'b'; 'b' waits for ...", each thread held up by the next one.
  std::string circle(const std::vector<Told>& told) const;
  // A line for each thread that is known, in the order of their start, then for strangers that wait.
  std::string all(const std::vector<Told>& told) const;

 private:
  struct Known {
    std::shared_ptr<const ThreadState> state;
    std::string name;
    std::int64_t native_id;
    bool daemon;
  };

  const Known* find(const void* state) const noexcept;
  std::string name(const Someone& thread) const;
  std::string object(Wait wait) const;
  std::string wait(const Told& told) const;
  std::string holders(const Told& told) const;

  std::vector<Known> known_;
};

}  // namespace muster::detail
