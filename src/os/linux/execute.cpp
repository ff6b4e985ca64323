// The program, executed anew.

#include <fcntl.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "os/linux/descriptor.hpp"

namespace muster::os {
namespace {

// Whether new programs inherit it.
void set_inherited(int descriptor, bool inherited) noexcept { fcntl(descriptor, F_SETFD, inherited ? 0 : FD_CLOEXEC); }

}  // namespace

int execute_anew(const std::vector<std::string>& arguments, const std::string& name, const std::string& value,
                 std::span<const int> inherited) {
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));  // NOLINT
  pointers.push_back(nullptr);
  for (const int descriptor : inherited) set_inherited(descriptor, true);
  if (setenv(name.c_str(), value.c_str(), 1) != 0) return errno;  // NOLINT(concurrency-mt-unsafe): there is one thread
  // Leads to the very file that runs, also when another one has its name by now, or none.
  execv("/proc/self/exe", pointers.data());
  const int error = errno;
  if (error != ENOENT) return error;
  // There is no /proc.
  const auto* const path = reinterpret_cast<const char*>(getauxval(AT_EXECFN));  // NOLINT(performance-no-int-to-ptr)
  if (path != nullptr) execv(path, pointers.data());
  return errno;
}

std::string take_variable(const std::string& name) {
  const char* const found = secure_getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): there is one thread
  std::string value = found == nullptr ? "" : found;
  if (found != nullptr) unsetenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
  return value;
}

Descriptor take_inherited(int number) noexcept {
  set_inherited(number, false);
  return Descriptor(number);
}

void outlive_parent() noexcept { prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0); }

}  // namespace muster::os
