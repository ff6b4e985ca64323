#include <muster/detail/spare.hpp>
#include <muster/init.hpp>

#include "parts/start/template.hpp"
#include "parts/sync/spin.hpp"

namespace muster {

void init(int argc, char** argv) {
  sync::spinning_cpus();  // asked once, before there are copies
  start::divert(argc, argv);
  start::serve();
}

void detail::end_spare_process() noexcept { start::end_spare(); }

}  // namespace muster
