#pragma once
// Where worker processes come from: a template, a process of the program that has one thread and does nothing but start
// copies of itself, reap them, and say how they ended. So a worker can be replaced at any time, whatever threads the
// program has by then. A template lives as long as its connection, and no worker outlives its template.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "os/process.hpp"

namespace muster::start {

struct Report;
struct Wish;

// What a worker is given.
struct Birth {
  std::uint32_t place = 0;                  // as the request said
  std::vector<os::Descriptor> descriptors;  // as the request gave them, in order
};

// What a worker does; the process ends with what it returns, its streams flushed. An exception that leaves it crashes
// the worker. An ordinary function of the program or its libraries: it must mean the same in every copy.
//
// It begins on the only thread of a process that holds the standard streams, with nothing to read; `keep` under the
// numbers that they have in the program; its birth's descriptors; and nothing else (see os::close_all_but). SIGINT and
// SIGQUIT are ignored, signals that muster or the program blocks or ignores are as in a new program, handlers that the
// program has set for others are kept. A crash leaves no core. It is killed when its template ends.
using Body = int (*)(Birth birth);

enum class Method : std::uint8_t {
  kFork,        // a copy of the program as it is now
  kForkserver,  // a copy of the program as it was when serve() ran
  kSpawn,       // the program executed anew, with the arguments that divert() got, up to its own call of that
};

// What happened to a worker.
struct News {
  enum class What : std::uint8_t {
    kStarted,  // process is set
    kRefused,  // the system gave no process: error, an errno
    kEnded,    // process.id and end are set; the process is gone and reaped
    kClosed,   // told once: the template itself is gone, and each of its workers has been killed, if it is not gone yet
               // either: its handle tells
  };
  What what = What::kClosed;
  std::uint32_t place = 0;
  os::Process process;
  int error = 0;
  os::End end;
};

// The parent's side. For one thread at a time, and for the process that made it: in a copy of that it does nothing.
class Template {
 public:
  using First = std::function<void(Template&)>;

  // Starts a template. `keep`: descriptors of the program that workers shall have besides the standard streams, at most
  // 61. kFork flushes the program's streams; kForkserver waits for the server's answer, kSpawn until the new program
  // has called divert(). Throws std::system_error when the system gives no process, muster::Error where kFork meets
  // threads that it would tear (and says what to do), where the others come before serve() or after the end of what
  // that started, or where the new program does not become a template: it ends before, or has no build id, say. In a
  // worker, which has one thread, kForkserver means kFork, and kSpawn calls serve().
  // `first` is called with this, to request the first workers, as soon as that can be done: kForkserver hears of them
  // before it is ready. What it throws is thrown.
  Template(Method method, Body body, std::span<const int> keep, const First& first = [](Template&) {});
  // Ends it and its workers, at once, and waits until they are gone.
  ~Template();
  Template(Template&&) noexcept = default;
  Template& operator=(Template&&) = delete;

  // Asks for a worker. The answer comes as news; false when the template is gone, or one of the descriptors.
  bool request(std::uint32_t place, std::span<const int> descriptors);
  // Has it end when its last worker has: it tells kClosed then, and perhaps not of ends before. No more requests. One
  // of kForkserver that keeps nothing for its workers is not ended in fact, but stands by for the next such Template.
  void end_with_workers() noexcept;
  // The next news, if there are any.
  std::optional<News> news();
  // Readable when there may be news; -1 once kClosed was told.
  int descriptor() const noexcept { return connection_.number(); }

 private:
  void begin(const First& first);
  void fork_template(Body body, std::span<const int> keep);
  void order_template(const Wish& wish, std::span<const int> keep, const First& first);
  void spawn_template(Body body, std::span<const int> keep);
  bool take_over(const First& first);
  void stand_by() noexcept;
  bool is_mine() const noexcept { return connection_ && generation_ == os::generation(); }
  void end() noexcept;
  std::optional<News> tell(os::Message& message);
  News refuse(const Report& started);

  std::uint32_t generation_ = os::generation();
  bool own_ = true;  // of kFork: ours to reap
  Body body_;
  bool reusable_ = false;  // it can stand by
  os::Process process_;
  os::Descriptor connection_;
  std::vector<int> unwanted_;  // workers that were refused after all, and of whose end nobody wants to hear
};

// To be called at the top of main, with its arguments, before serve(). Does not return where this process was executed
// to be a template: it is one from here on, and ends as one. Later calls do nothing.
void divert(int argc, char** argv);

// Makes kForkserver and kSpawn possible: starts the process that all such templates come from. Once, while the program
// has one thread (else muster::Error); later calls do nothing. It ends with the program. Throws std::system_error when
// the system gives no process.
void serve();
// Ends the template that stands by, if there is one, and waits until it is gone.
void end_spare() noexcept;

// Whether serve() has been called in this process. Not in a copy of it: a connection is for one.
bool serving() noexcept;

}  // namespace muster::start
