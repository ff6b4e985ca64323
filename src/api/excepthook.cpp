#include <muster/excepthook.hpp>

#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "api/thread_state.hpp"
#include "api/thrown.hpp"
#include "api/type_name.hpp"

namespace muster::threading {
namespace {

using SharedHook = std::shared_ptr<const ExceptHook>;

// In one call, so that the reports of several threads do not mix.
void print(const std::string& where, const std::string& type, const std::string& text) {
  const std::string report = "Exception in " + where + ":\n" + type + (text.empty() ? "" : ": " + text) + "\n";
  std::fputs(report.c_str(), stderr);
}

void report(const ExceptHookArgs& args) { print("thread " + args.thread.name(), args.type, args.text); }

// Guarded by the lock of the threads, since that one is looked after at forks. Never destroyed: daemons fail late.
SharedHook& current_hook() {
  static auto* const hook = new SharedHook(std::make_shared<const ExceptHook>(&report));
  return *hook;
}

SharedHook exchange_hook(SharedHook hook) {
  const detail::LockGuard guard(detail::threads().lock);
  return std::exchange(current_hook(), std::move(hook));
}

SharedHook shared_hook() {
  const detail::LockGuard guard(detail::threads().lock);
  return current_hook();
}

}  // namespace

void excepthook(const ExceptHookArgs& args) noexcept {
  const SharedHook hook = shared_hook();
  try {
    (*hook)(args);
  } catch (...) {
    const api::Thrown thrown = api::describe(std::current_exception());
    print("threading::excepthook", api::type_name(*thrown.type), thrown.text);
    report(args);
  }
}

ExceptHook set_excepthook(ExceptHook hook) {
  if (!hook) hook = &report;
  return *exchange_hook(std::make_shared<const ExceptHook>(std::move(hook)));
}

}  // namespace muster::threading
