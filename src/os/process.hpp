#pragma once
// The contract with the kernel, continued: processes, descriptors, and messages between processes. Descriptors made
// here are close-on-exec, and none of them is a standard stream, whether the program has those or not. Nothing here
// knows of workers or pools.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "os/os.hpp"

namespace muster::os {

class ThreadRecord;

// An open file, closed on destruction.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    Descriptor(std::move(other)).swap(*this);
    return *this;
  }
  ~Descriptor() { reset(); }

  int number() const noexcept { return number_; }
  explicit operator bool() const noexcept { return number_ >= 0; }
  // Hands it over: to be closed by the caller.
  int release() noexcept { return std::exchange(number_, -1); }
  void reset() noexcept;

 private:
  void swap(Descriptor& other) noexcept { std::swap(number_, other.number_); }
  int number_ = -1;
};

bool is_open(int descriptor) noexcept;

// ---- starting processes --------------------------------------------------------------------------------------------

// A process that was started. The handle means this process and no other, whatever happens to its number.
struct Process {
  int id = 0;
  Descriptor handle;  // readable once it has ended
};

// Starts a copy of this process that runs `body`, in the calling thread's copy alone, and ends with what it returns,
// without destructors or exit handlers. An exception that leaves `body` crashes the copy. Throws std::system_error when
// the system gives no process.
//
// An ordinary copy is a fork, with all that the program has said is to be done at forks (pthread_atfork). For a process
// in which SIGCHLD is not ignored.
//
// A quiet copy is nobody's business but ours: its end sends no signal, wait() and waitpid(-1) do not see it, and it
// does not matter whether SIGCHLD is ignored. It begins with all signals blocked. It must start ordinary copies only,
// not threads, and be made where no thread is in the way (below), since nobody's locks are looked after.
Process start_copy(const std::function<int()>& body);
Process start_quiet_copy(const std::function<int()>& body);

// How a process ended: killed by `signal`, or by itself with `code` (signal 0).
struct End {
  int signal = 0;
  int code = 0;
  std::uint64_t peak_memory = 0;  // the most bytes that it held at once; 0: not known
};

// Waits for a quiet copy of our own to end, and lets the kernel forget it.
void reap(const Process& quiet) noexcept;
// The end of one ordinary copy of our own that has ended, if there is one. Does not wait.
struct Ended {
  int id;
  End end;
};
std::optional<Ended> reap_any() noexcept;
// Waits for the end of an ordinary copy of our own; none when there is none left to end.
std::optional<Ended> await_any() noexcept;

// Sends a signal; nothing happens where the process has ended.
void send_signal(const Process& process, int signal) noexcept;
// The same for a child of our own that was not reaped yet: until then its number is nobody else's.
void send_signal_to_child(int id, int signal) noexcept;
inline constexpr int kKill = 9;
inline constexpr int kTerminate = 15;

int process_id() noexcept;

// Which process, for ever: the calling one's id in the lowest 22 bits, and when it started in the upper half (the lower
// 32 bits of the clock ticks since the machine's boot; 0 where the system does not say). The bits between are 0. Quick:
// asked once a process.
std::uint64_t process_mark() noexcept;
// Whether the process with that mark, in our own pid namespace, has ended: it may not have been reaped. Reads a file.
// Where the system does not say: false.
bool has_died(std::uint64_t mark) noexcept;

int parent_process_id() noexcept;
// A handle of a process by number. None if there is no such process, or not any more.
Descriptor process_handle(int id) noexcept;

// Ends this process here and now, without destructors or exit handlers.
[[noreturn]] void end_process(int code) noexcept;

// Counts the forks behind this process: a copy has a greater number than its original, whoever called fork.
std::uint32_t generation() noexcept;

// Has `before` called in front of each fork from now on, and then `after` in the original and `in_copy` in the copy, by
// its only thread. Not at quiet copies: they call nothing of ours, and what they start are ordinary ones.
void at_forks(void (*before)(), void (*after)(), void (*in_copy)()) noexcept;

// ---- becoming a process of ours ------------------------------------------------------------------------------------

// Has this process killed when its parent ends; ends it at once where `parent` is no longer its parent. The parent
// must have one thread only: the kernel watches the thread that started us.
void die_with_parent(int parent) noexcept;
// Keyboard signals (SIGINT, SIGQUIT) ignored; SIGCHLD, SIGPIPE, SIGTERM and SIGHUP as in a new program; none blocked.
void reset_signals() noexcept;
// For a process that ends by other means: SIGINT, SIGQUIT, SIGTERM, SIGHUP and SIGPIPE ignored, SIGCHLD as in a new
// program; and all signals blocked, so that no handler of the program runs in a process that it does not know of.
void ignore_endings() noexcept;
// A crash leaves no core file and starts no program that takes one.
void forbid_core_dumps() noexcept;
// Standard input reads as empty.
void detach_input() noexcept;
// A file that is empty, and keeps nothing of what is written to it. Throws std::system_error where there is none.
Descriptor open_null();
// Closes all descriptors but the standard streams and `keep`. Their numbers stay taken, by nothing: an object of the
// program that still knows one gets EBADF for ever, and never meets a file opened later under the same number.
void close_all_but(std::vector<int> keep) noexcept;
// Gives `moved[i].first` the number `moved[i].second`, closing what had it; nothing is in the way of anything else, and
// `apart` are kept from being overwritten by taking other numbers. Throws std::system_error.
void renumber(std::vector<std::pair<Descriptor, int>> moved, std::span<Descriptor* const> apart);
void flush_streams() noexcept;  // of C and of C++

// ---- executing the program anew ------------------------------------------------------------------------------------

// Becomes the program that this process runs, from its beginning, with these arguments (at least one), with the
// environment as it is and variable `name` in it, and with the standard streams and `inherited`. What was asked by
// die_with_parent holds on. Returns only where that fails, with an errno. For a process with one thread.
int execute_anew(const std::vector<std::string>& arguments, const std::string& name, const std::string& value,
                 std::span<const int> inherited);
// The value of variable `name`, which is taken out of the environment. Empty where it is not set, or comes from
// somebody who has not the rights of this process (set-user-ID). While there is one thread.
std::string take_variable(const std::string& name);
// An inherited descriptor, close-on-exec from now on.
Descriptor take_inherited(int number) noexcept;
// Undoes die_with_parent.
void outlive_parent() noexcept;

// ---- threads in the way of a copy ----------------------------------------------------------------------------------

// A copy of a process with threads has their locks and not them. So a copy is only made while every other thread is one
// of ours (os::Thread) and sleeps: marked by an Idle, which such a thread holds while it touches nothing.
class Idle {
 public:
  Idle() noexcept;
  // Waits while a Stillness lasts.
  ~Idle();
  Idle(const Idle&) = delete;
  Idle& operator=(const Idle&) = delete;

 private:
  ThreadRecord* record_ = nullptr;  // none: not a thread of ours, or idle already
};

// While it lives, idle threads stay idle. One at a time in a process: a second one waits. In a copy made meanwhile
// there is none.
class Stillness {
 public:
  Stillness() noexcept;
  ~Stillness();
  Stillness(const Stillness&) = delete;
  Stillness& operator=(const Stillness&) = delete;
  // How many threads but the caller are not idle ones of ours; 0: a copy is safe, as long as this lives. Waits for a
  // moment (100 ms) before it says otherwise: a thread may be about to end or to sleep.
  int threads_in_the_way() const noexcept;

 private:
  static int count_in_the_way() noexcept;
};

// ---- messages between processes ------------------------------------------------------------------------------------

// The two ends of a connection that carries whole messages, with descriptors.
std::pair<Descriptor, Descriptor> message_pair();

inline constexpr std::size_t kMostMessageBytes = 512;
inline constexpr std::size_t kMostMessageDescriptors = 64;

// Sends one message of 1 to 512 bytes and at most 64 descriptors (copies: the caller keeps its own). Waits while the
// connection is full. False when nobody can read it any more, or a descriptor is not open.
bool send_message(const Descriptor& to, std::span<const std::byte> bytes,
                  std::span<const int> descriptors = {}) noexcept;
// The same without waiting.
enum class Offer : std::uint8_t { kTaken, kFull, kClosed };
Offer offer_message(const Descriptor& to, std::span<const std::byte> bytes,
                    std::span<const int> descriptors = {}) noexcept;
// Ends a connection in both directions for all who hold either end, whatever copies of it there are. What was sent
// before can still be received.
void shut(const Descriptor& connection) noexcept;

struct Message {
  enum class State : std::uint8_t { kMessage, kNothing, kClosed };  // kNothing: none is there yet
  State state = State::kNothing;
  bool cut = false;  // this process had no room for all of its descriptors
  std::size_t size = 0;
  std::array<std::byte, kMostMessageBytes> room;  // the first `size` bytes: it is received without taking memory for it
  std::vector<Descriptor> descriptors;

  std::span<const std::byte> bytes() const noexcept { return std::span(room).first(size); }
};
// The next message; does not wait for it.
Message receive_message(const Descriptor& from);

// A bell that another process may ring and that can be waited for together with other things.
class Bell {
 public:
  Bell();  // throws std::system_error
  explicit Bell(Descriptor rung_elsewhere) noexcept : event_(std::move(rung_elsewhere)) {}
  void ring() noexcept;
  void silence() noexcept;
  const Descriptor& descriptor() const noexcept { return event_; }
  Descriptor take() noexcept { return std::move(event_); }

 private:
  Descriptor event_;
};

// Waits until one of `descriptors` is readable or closed, or the deadline passes, or a signal handler runs. Sets
// `ready[i]` for each (any size up to descriptors'); true if one is.
bool wait_readable(std::span<const int> descriptors, std::span<bool> ready, Nanos deadline) noexcept;
// A descriptor that is readable when a copy of this process has ended: after ignore_endings(), which blocks SIGCHLD.
// Throws std::system_error.
Descriptor copies_ended();
// Takes what has come there so far; to be called before the ended ones are reaped.
void silence_ended(const Descriptor& copies_ended) noexcept;

// Shared memory that another process made: `bytes` of the file behind `descriptor`, which must have them all and be
// unable to shrink (Mapping::memfd makes such). Throws std::system_error where it is not so, or cannot be mapped.
Mapping map_shared(Descriptor descriptor, std::size_t bytes, bool writable);
// Whether at least so many bytes of a file of shared memory are there: a file may be larger than what was ever taken
// for it, and to read the rest would take it.
bool has_pages(const Descriptor& file, std::size_t bytes) noexcept;

// A file for shared memory of `bytes` (rounded up to whole pages), whose size nobody can change. Its pages are not
// there yet: to touch one may end the process, unless Mapping::take_pages was called or somebody has written to it.
// Throws std::system_error, and std::bad_alloc when the machine has not so much memory now.
Descriptor shared_file(std::size_t bytes, const char* name);
// Its memory for reading, and for changes that only this process sees. It shows what others write, but for the pages
// that were changed here; a copy of this process has the same view, not a copy of the memory.
Mapping map_view(Descriptor descriptor, std::size_t bytes);

// Whether the machine has so much memory to give now, as far as it can tell. Reads a file, unless that is little.
bool machine_has(std::size_t bytes);

// Changes whenever a copy of this process has been made: what memory a copy may have in view can be told by it.
std::uint64_t copies_made() noexcept;

}  // namespace muster::os
