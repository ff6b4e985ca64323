#pragma once
// The contract with the kernel, continued: processes, descriptors, and messages between processes. Descriptors made
// here are close-on-exec. Nothing here knows of workers or pools.

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
  void reset() noexcept;

 private:
  void swap(Descriptor& other) noexcept { std::swap(number_, other.number_); }
  int number_ = -1;
};

// ---- starting processes --------------------------------------------------------------------------------------------

// A process that was started. The handle means this process and no other, whatever happens to its number.
struct Process {
  int id = 0;
  Descriptor handle;  // readable once it has ended
};

// Starts a copy of this process that runs `body`, in the calling thread's copy alone, and ends with what it returns,
// without destructors or exit handlers. Throws std::system_error when the system gives no process.
//
// A quiet copy is nobody's business but ours: its end sends no signal, wait() and waitpid(-1) do not see it, and it
// does not matter whether SIGCHLD is ignored. It must start ordinary copies only, not threads.
Process start_copy(const std::function<int()>& body);
Process start_quiet_copy(const std::function<int()>& body);

// How a process ended: killed by `signal`, or by itself with `code` (signal 0).
struct End {
  int signal = 0;
  int code = 0;
};

// Waits for a quiet copy of our own to end, and lets the kernel forget it.
void reap(const Process& quiet) noexcept;
// The end of one ordinary copy of our own that has ended, if there is one. Does not wait.
struct Ended {
  int id;
  End end;
};
std::optional<Ended> reap_any() noexcept;

// Sends a signal; nothing happens where the process has ended.
void send_signal(const Process& process, int signal) noexcept;
inline constexpr int kKill = 9;

int process_id() noexcept;
int parent_process_id() noexcept;
// A handle of a process by number. None if there is no such process, or not any more.
Descriptor process_handle(int id) noexcept;

// Ends this process here and now, without destructors or exit handlers.
[[noreturn]] void end_process(int code) noexcept;

// Counts the forks behind this process: a copy has a greater number than its original, whoever called fork.
std::uint32_t generation() noexcept;

// ---- becoming a process of ours ------------------------------------------------------------------------------------

// Has this process killed when its parent ends; ends it at once where `parent` is no longer its parent. The parent
// must have one thread only: the kernel watches the thread that started us.
void die_with_parent(int parent) noexcept;
// Keyboard signals (SIGINT, SIGQUIT) ignored; SIGCHLD, SIGPIPE, SIGTERM and SIGHUP as in a new program; none blocked.
void reset_signals() noexcept;
// SIGTERM and SIGHUP ignored too: for a process that ends by other means.
void ignore_endings() noexcept;
// A crash leaves no core file and starts no program that takes one.
void forbid_core_dumps() noexcept;
// Standard input reads as empty.
void detach_input() noexcept;
// Closes all descriptors but the standard streams and `keep`.
void close_all_but(std::vector<int> keep) noexcept;
// The program's own name for this process, as ps shows it (15 bytes).
void flush_streams() noexcept;  // of C and of C++

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
};

// While it lives, idle threads stay idle, if it is so.
class Stillness {
 public:
  Stillness() noexcept;
  ~Stillness();
  Stillness(const Stillness&) = delete;
  Stillness& operator=(const Stillness&) = delete;
  // How many threads but the caller are not idle ones of ours; 0: a copy is safe. Gives idle ones to be a little time.
  int threads_in_the_way() const;
};

// ---- messages between processes ------------------------------------------------------------------------------------

// The two ends of a connection that carries whole messages, with descriptors.
std::pair<Descriptor, Descriptor> message_pair();

// Sends one message of at most 4096 bytes and 8 descriptors (copies: the caller keeps its own). Waits while the
// connection is full. False when nobody can read it any more.
bool send_message(const Descriptor& to, std::span<const std::byte> bytes, std::span<const int> descriptors = {}) noexcept;

struct Message {
  enum class State : std::uint8_t { kMessage, kNothing, kClosed };  // kNothing: none is there yet
  State state = State::kNothing;
  std::vector<std::byte> bytes;
  std::vector<Descriptor> descriptors;
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

 private:
  Descriptor event_;
};

// Waits until one of `descriptors` is readable or closed, or the deadline passes, or a signal handler runs. Sets
// `ready[i]` for each (any size up to descriptors'); true if one is.
bool wait_readable(std::span<const int> descriptors, std::span<bool> ready, Nanos deadline) noexcept;
// A descriptor that is readable when a copy of this process has ended (only in processes of ours: SIGCHLD is blocked).
Descriptor copies_ended();

// Shared memory that another process made: `bytes` of the file behind `descriptor`, which must have them all and be
// unable to shrink (Mapping::memfd makes such). Throws std::system_error where it is not so, or cannot be mapped.
Mapping map_shared(Descriptor descriptor, std::size_t bytes, bool writable);

}  // namespace muster::os
