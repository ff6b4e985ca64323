#pragma once
// A thread to be started. Python's threading.Thread.

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <muster/detail/export.hpp>
#include <muster/detail/thread_body.hpp>
#include <muster/thread_handle.hpp>

namespace muster::threading {

struct ThreadOptions {
  // Empty: Thread-N, or Thread-N (function) where the callable's name can be known: a class's, or that of a function
  // which its module shows to others (-rdynamic); <lambda> for a lambda.
  std::string name = {};
  // None: as the thread that makes it, if that is one of muster's.
  std::optional<bool> daemon = {};
};

class Thread;

// A Thread, or a derived class, that stays alive while its thread runs; `make_thread<T>(...)->start()` may be all.
template <class T = Thread, class... Args>
std::shared_ptr<T> make_thread(Args&&... args);

// Runs a callable with arguments, or a derived class's run(), from start() on. Neither copied nor moved; std::deque's
// emplace_back and make_thread serve for many.
//
// Its end is defined. A plain Thread that still runs is asked to stop and joined by its destructor, or left running if
// it is a daemon or the caller itself. A derived class has members that its run() uses, so it must join in its own
// destructor, or be made by make_thread; if it did neither, the destructor says so on stderr and terminates.
class MUSTER_EXPORT Thread : public ThreadHandle {
 public:
  // A thread that does nothing but run().
  explicit Thread(ThreadOptions options = {});
  // Keeps copies of callable and arguments as std::thread does, and destroys them when the call has returned. The
  // callable is given this thread's stop token first where it cannot be called without.
  template <class F, class... Args>
    requires(!std::derived_from<std::remove_cvref_t<F>, ThreadHandle> &&
             !std::same_as<std::remove_cvref_t<F>, ThreadOptions>)
  explicit Thread(F&& function, Args&&... args)
      : Thread(ThreadOptions(), std::forward<F>(function), std::forward<Args>(args)...) {}
  template <class F, class... Args>
  Thread(ThreadOptions options, F&& function, Args&&... args)
      : Thread{std::move(options), detail::name_source(function),  // braces: the name before the callable is moved
               detail::make_thread_body(std::forward<F>(function), std::forward<Args>(args)...)} {}

  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  virtual ~Thread();

  // Begins the thread, which inherits the caller's signal mask. Once: throws ThreadError the second time, and
  // std::system_error when the system gives no thread; that may be tried again.
  void start();

 protected:
  // What the thread does: calls the callable, if there is one. An exception that leaves it goes to the excepthook.
  virtual void run();

 private:
  template <class T, class... Args>
  friend std::shared_ptr<T> make_thread(Args&&... args);

  Thread(ThreadOptions options, detail::NameSource named_by, std::unique_ptr<detail::ThreadBody> body);

  std::weak_ptr<Thread> self_;  // given by make_thread
};

template <class T, class... Args>
std::shared_ptr<T> make_thread(Args&&... args) {
  static_assert(std::derived_from<T, Thread>, "muster: make_thread makes a Thread, or a class derived from it");
  auto made = std::make_shared<T>(std::forward<Args>(args)...);
  static_cast<Thread&>(*made).self_ = made;
  return made;
}

// The stack of threads started from now on, in bytes; 0: the system's default. Returns what it was before. Throws
// ValueError below 32 KiB.
MUSTER_EXPORT std::size_t stack_size(std::size_t bytes);
MUSTER_EXPORT std::size_t stack_size() noexcept;

}  // namespace muster::threading
