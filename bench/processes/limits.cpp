// What the system itself takes for the least that a work needs: no pool that does the same way can be faster.

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <climits>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "bench/processes/works.hpp"

namespace bench {
namespace {

using Word = std::atomic<std::uint32_t>;

// What two processes see.
struct Shared {
  Word there{0};
  Word back{0};
  int forks = 0;  // that the other side is to make before it answers
};

void wake(Word& word, std::uint32_t value) {
  word.store(value, std::memory_order_seq_cst);
  syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

// Asleep until `word` is `value`; no spinning ahead of it.
void wait(Word& word, std::uint32_t value) {
  while (true) {
    const std::uint32_t seen = word.load(std::memory_order_seq_cst);
    if (seen == value) return;
    syscall(SYS_futex, &word, FUTEX_WAIT, seen, nullptr, nullptr, 0);
  }
}

// What this process and those that it forks see.
template <class T>
class InCommon {
 public:
  InCommon() {
    void* const memory = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED, "no shared memory");
    what_ = new (memory) T;
  }
  ~InCommon() { munmap(what_, sizeof(T)); }
  InCommon(const InCommon&) = delete;
  InCommon& operator=(const InCommon&) = delete;
  T* operator->() const noexcept { return what_; }

 private:
  T* what_ = nullptr;
};

pid_t checked_fork() {
  const pid_t pid = fork();
  check(pid >= 0, "no process");
  return pid;
}

// Another process, that is forked while this one is still small; `answer` does not return. Waited for at the end.
class Other {
 public:
  template <class Answer>
  explicit Other(const Answer& answer) : pid_(checked_fork()) {
    if (pid_ == 0) answer();
  }
  ~Other() { waitpid(pid_, nullptr, 0); }
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;

 private:
  const pid_t pid_;
};

// It answers whenever it is woken.
class Echo {
 public:
  ~Echo() { wake(shared_->there, UINT32_MAX); }

  void trip(int forks = 0) {
    ++count_;
    shared_->forks = forks;
    wake(shared_->there, count_);
    wait(shared_->back, count_);
  }

 private:
  [[noreturn]] void answer() {
    for (std::uint32_t seen = 0;;) {
      while (shared_->there.load(std::memory_order_seq_cst) == seen) {
        syscall(SYS_futex, &shared_->there, FUTEX_WAIT, seen, nullptr, nullptr, 0);
      }
      seen = shared_->there.load(std::memory_order_seq_cst);
      if (seen == UINT32_MAX) _exit(0);
      for (int i = 0; i < shared_->forks; ++i) fork_and_wait();
      wake(shared_->back, seen);
    }
  }

  static void fork_and_wait() {
    const pid_t pid = checked_fork();
    if (pid == 0) _exit(0);
    waitpid(pid, nullptr, 0);
  }

  const InCommon<Shared> shared_;
  const Other other_{[this] { answer(); }};
  std::uint32_t count_ = 0;
};

// The same through two pipes, a byte each way.
class PipeEcho {
 public:
  PipeEcho() {
    check(pipe2(there_.data(), O_CLOEXEC) == 0 && pipe2(back_.data(), O_CLOEXEC) == 0, "no pipes");
    pid_ = checked_fork();
    if (pid_ == 0) answer();
    close(there_[0]);
    close(back_[1]);
  }
  ~PipeEcho() {
    close(there_[1]);
    close(back_[0]);
    waitpid(pid_, nullptr, 0);
  }
  PipeEcho(const PipeEcho&) = delete;
  PipeEcho& operator=(const PipeEcho&) = delete;

  void trip() {
    char byte = 1;
    check(write(there_[1], &byte, 1) == 1 && read(back_[0], &byte, 1) == 1, "a byte is lost");
  }

 private:
  [[noreturn]] void answer() {
    close(there_[1]);
    char byte = 0;
    while (read(there_[0], &byte, 1) == 1) check(write(back_[1], &byte, 1) == 1, "a byte is lost");
    _exit(0);
  }

  std::array<int, 2> there_{};
  std::array<int, 2> back_{};
  pid_t pid_ = -1;
};

// The same by two words that both sides poll, in a cache line each. The other process sleeps but for the trips.
class SpinEcho {
 public:
  ~SpinEcho() { wake(words_->round, UINT32_MAX); }

  double trips() {
    wake(words_->round, ++round_);
    for (int i = 0; i < kAwake; ++i) trip();
    const double time = seconds([&] {
      for (int i = 0; i < kTrips; ++i) trip();
    });
    return time * 1e6 / kTrips;
  }

 private:
  struct Words {
    alignas(64) Word round{0};
    alignas(64) Word there{0};
    alignas(64) Word back{0};
  };

  void trip() {
    words_->there.store(++count_, std::memory_order_seq_cst);
    while (words_->back.load(std::memory_order_acquire) != count_) {
    }
  }
  [[noreturn]] void answer() {
    for (std::uint32_t round = 1, count = 0;; ++round) {
      while (words_->round.load(std::memory_order_seq_cst) == round - 1) {
        syscall(SYS_futex, &words_->round, FUTEX_WAIT, round - 1, nullptr, nullptr, 0);
      }
      if (words_->round.load(std::memory_order_seq_cst) == UINT32_MAX) _exit(0);
      for (int i = 0; i < kAwake + kTrips; ++i) {
        ++count;
        while (words_->there.load(std::memory_order_acquire) != count) {
        }
        words_->back.store(count, std::memory_order_seq_cst);
      }
    }
  }

  const InCommon<Words> words_;
  const Other other_{[this] { answer(); }};
  std::uint32_t round_ = 0;
  std::uint32_t count_ = 0;
};

// By the small process: the time to copy a large one's page tables is no limit.
double forks(Echo& echo, int processes) {
  return seconds([&] { echo.trip(kStarts * processes); }) * 1e3 / kStarts;
}

template <class Way>
double trip_after(Pause how, Way& echo) {
  return after_pauses(how, [&] { echo.trip(); });
}

template <class Way>
double trips(Way& echo) {
  return seconds([&] {
           for (int i = 0; i < kTrips; ++i) echo.trip();
         }) *
         1e6 / kTrips;
}

// Into memory that is fresh, as that of a message is; or the caller's own.
double copy(const unsigned char* bytes, int of = MAP_SHARED) {
  return seconds([&] {
           void* const memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, of | MAP_ANONYMOUS, -1, 0);
           check(memory != MAP_FAILED, "no memory");
           std::memcpy(memory, bytes, kBytes);
           munmap(memory, kBytes);
         }) *
         1e3;
}

// What a caller cannot do without, whoever makes the texts.
double copy_texts(const unsigned char* bytes) {
  std::vector<std::string> texts;
  texts.reserve(kTexts);
  const double time = seconds([&] {
    for (int i = 0; i < kTexts; ++i) texts.emplace_back(reinterpret_cast<const char*>(bytes), kText);
  });
  return time * 1e6 / kTexts;
}

}  // namespace

std::vector<Work> limit_works(int workers) {
  const auto echo = std::make_shared<Echo>();
  const auto pipes = std::make_shared<PipeEcho>();
  const auto spin = std::make_shared<SpinEcho>();
  const std::shared_ptr<unsigned char[]> bytes(new unsigned char[kBytes]());
  return {{"apply_round_trip", "futex", "us", [echo] { return trips(*echo); }},
          {"apply_round_trip", "pipe", "us", [pipes] { return trips(*pipes); }},
          {"apply_spinning", "spin", "us", [spin] { return spin->trips(); }},
          {"apply_idle", "pipe", "us", [pipes] { return trip_after(Pause::kWorks, *pipes); }},
          {"apply_idle", "futex", "us", [echo] { return trip_after(Pause::kWorks, *echo); }},
          {"apply_rested", "pipe", "us", [pipes] { return trip_after(Pause::kSleeps, *pipes); }},
          {"apply_rested", "futex", "us", [echo] { return trip_after(Pause::kSleeps, *echo); }},
          {"array_in", "memcpy", "ms", [bytes] { return copy(bytes.get()); }},
          {"array_out", "memcpy", "ms", [bytes] { return copy(bytes.get(), MAP_PRIVATE); }},
          {"texts_out", "memcpy", "us/item", [bytes] { return copy_texts(bytes.get()); }},
          {"start_stop", "fork+wait", "ms", [echo, workers] { return forks(*echo, workers); }}};
}

}  // namespace bench
