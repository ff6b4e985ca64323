#pragma once
// Where worker processes come from: a template, a copy of the program that has one thread and does nothing but start
// copies of itself, reap them, and say how they ended. So a worker can be replaced at any time, whatever threads the
// program has by then. A template lives as long as its connection, and no worker outlives its template.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "os/process.hpp"

namespace muster::start {

// What a worker is given.
struct Birth {
  std::uint32_t place = 0;                  // as the request said
  std::vector<os::Descriptor> descriptors;  // as the request gave them, in order
};

// What a worker does; the process ends with what it returns. An ordinary function: it must mean the same in every copy.
using Body = int (*)(Birth birth);

enum class Method : std::uint8_t {
  kFork,        // a copy of the program as it is now
  kForkserver,  // a copy of the program as it was when serve() ran
};

// What happened to a worker.
struct News {
  enum class What : std::uint8_t {
    kStarted,  // process is set
    kRefused,  // the system gave no process: error
    kEnded,    // end is set; the process is gone and reaped
    kClosed,   // the template itself is gone, and all its workers
  };
  What what = What::kClosed;
  std::uint32_t place = 0;
  os::Process process;
  int error = 0;
  os::End end;
};

// The parent's side. For one thread at a time.
class Template {
 public:
  // Starts a template. `keep`: descriptors of the program that workers shall have besides the standard streams. Throws
  // std::system_error when the system gives no process, muster::Error where kFork meets threads that it would tear (and
  // says what to do), or kForkserver before serve().
  Template(Method method, Body body, std::span<const int> keep);
  // Ends it and its workers, at once, and waits until they are gone.
  ~Template();
  Template(Template&&) noexcept = default;
  Template& operator=(Template&&) = delete;

  // Asks for a worker. The answer comes as news; false when the template is gone.
  bool request(std::uint32_t place, std::span<const int> descriptors);
  // The next news, if there are any.
  std::optional<News> news();
  // Readable when there may be news.
  int descriptor() const noexcept { return connection_.number(); }

 private:
  os::Process process_;  // of kFork: ours to reap
  os::Descriptor connection_;
};

// Makes kForkserver possible: starts the process that all such templates are copies of. Once, while the program has one
// thread; later calls do nothing. It ends with the program.
void serve();
bool serving() noexcept;

}  // namespace muster::start
