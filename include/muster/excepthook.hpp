#pragma once
// What happens to an exception that leaves a thread. Python's threading.excepthook.

#include <exception>
#include <functional>
#include <string>

#include <muster/detail/export.hpp>
#include <muster/thread_handle.hpp>

namespace muster::threading {

struct ExceptHookArgs {
  std::exception_ptr exception;
  std::string type;  // as a programmer writes it
  std::string text;  // what(); empty where there is none
  ThreadHandle thread;
};
using ExceptHook = std::function<void(const ExceptHookArgs&)>;

// Calls the hook. At first that reports on stderr:
//   Exception in thread NAME:
//   TYPE: TEXT
// The hook is called by the thread that failed, before it ends; a hook that throws is reported itself, and then the
// exception that it was given. The process goes on in any case.
MUSTER_EXPORT void excepthook(const ExceptHookArgs& args) noexcept;
// Replaces the hook for all threads, and returns the former. An empty one: the report on stderr again. Hooks may be
// called by several threads at once.
MUSTER_EXPORT ExceptHook set_excepthook(ExceptHook hook);

}  // namespace muster::threading
