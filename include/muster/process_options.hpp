#pragma once
// What can be said of a pool whose workers are processes. Every field has a default; their order is part of the
// interface.

#include <concepts>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <muster/detail/heap_writer.hpp>
#include <muster/detail/remote_call.hpp>
#include <muster/detail/travel.hpp>
#include <muster/duration.hpp>

namespace muster {

// Where a pool's workers come from. Python's start methods.
// NOLINTBEGIN(readability-identifier-naming): Python's words
enum class StartMethod {
  default_,    // forkserver after muster::init, else fork
  fork,        // copies of the program as it is when the pool is made; no other thread may run then
  forkserver,  // copies of the program as it was when muster::init ran
  spawn,       // copies of the program executed anew when the pool is made, up to its muster::init
};
// NOLINTEND(readability-identifier-naming)

// A callable on its way to every worker of a pool: a function, a captureless lambda, muster::bind of one with
// arguments that travel, or a class of its own that does.
class Initializer {
 public:
  Initializer() = default;
  // Throws what writing the arguments throws.
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, Initializer>)
  Initializer(F&& f) : run_(&run<std::decay_t<F>>) {  // NOLINT(google-explicit-constructor)
    detail::check_callable_travels<std::decay_t<F>>();
    static_assert(std::is_invocable_v<const std::decay_t<F>&>,
                  "muster: an initializer is called without arguments; muster::bind(f, args...) fixes them");
    detail::HeapWriter to;
    const std::decay_t<F>& kept = f;
    detail::write_callable(to, kept);
    bytes_.assign(to.bytes().begin(), to.bytes().end());
  }

  explicit operator bool() const noexcept { return run_ != nullptr; }
  // For the pool.
  void (*runner() const noexcept)(detail::RemoteCall&) { return run_; }
  const std::vector<std::byte>& bytes() const noexcept { return bytes_; }

 private:
  template <class F>
  static void run(detail::RemoteCall& call) {
    call.item([&](detail::Writer&) { static_cast<void>(detail::read_callable<F>(call.input())()); });
  }

  void (*run_)(detail::RemoteCall&) = nullptr;
  std::vector<std::byte> bytes_;
};

struct ProcessOptions {
  // How many workers; 0: as many as usable_cpus(). Negative: ValueError.
  int processes = 0;
  // Called in each worker before its first task, also in those that replace others. The pool's constructor waits for
  // all of them and throws the exception of one.
  Initializer initializer = {};
  // A worker is replaced by a fresh one after so many tasks; 0: never. A chunk of a map counts as one task.
  int maxtasksperchild = 0;
  StartMethod start_method = StartMethod::default_;
  // Descriptors that workers have besides the standard streams; they inherit no others. One that is not open:
  // ValueError.
  std::vector<int> pass_fds = {};
  // How much memory of its own a worker may have, in bytes: heap, stacks of threads, copied or not; 0: no limit. Beyond
  // it a task gets std::bad_alloc. Less than what workers begin with: ValueError.
  std::size_t memory_limit = 0;
  // How much CPU time each item may take, all threads of its worker together, children not. Its worker is killed then,
  // its outcome is CpuTimeError, and all others go on. Never before that time, and at the latest a quarter of it, and
  // some 10 ms, after. The worker has SIGXCPU for it. 0: ValueError.
  Duration cpu_time_limit = {};
  // Variables of the workers' environment; std::nullopt: takes it out. A name that cannot be one: ValueError.
  std::map<std::string, std::optional<std::string>> env = {};
  // The workers' working directory; empty: the one that they begin with. One that is none: ValueError.
  std::string cwd = {};
  // Added to the workers' niceness: above 0, they stand back behind other processes. What the system refuses:
  // ValueError.
  int nice = 0;
  // Where the workers run: each on one of these CPUs, in turn. Empty: anywhere. One that this thread may not use:
  // ValueError.
  std::vector<int> cpus = {};
};

}  // namespace muster
