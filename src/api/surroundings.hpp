#pragma once
// What ProcessOptions say of the world that workers live in: checked here, applied there.

#include <muster/process_options.hpp>

#include "engine/process/process_engine.hpp"

namespace muster::api {

// Has each worker begin with what the options say of its surroundings, then with their initializer. What fails there is
// thrown as if an initializer had thrown it. Throws ValueError for what can be seen to be wrong from here.
void set_beginning(engine::process::ProcessSettings& settings, const ProcessOptions& options);

}  // namespace muster::api
