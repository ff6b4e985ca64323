#include <muster/dump.hpp>

#include <vector>

#include <muster/detail/halt.hpp>

#include "api/telling.hpp"
#include "api/waits.hpp"

namespace muster::threading {

// The waits before the names: who has ended in between has no name any more and is left out, and who has begun runs.
std::string who_waits() {
  detail::halt_point();
  const std::vector<detail::Told> told = detail::all_waits();
  return detail::Telling().all(told);
}

void dump(std::FILE* file) {
  const std::string text = who_waits();
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
}

}  // namespace muster::threading
