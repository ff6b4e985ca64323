#pragma once
// What the tests of this folder do with templates.

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "parts/start/template.hpp"
#include "tests/support/sanitized.hpp"

// NOLINTBEGIN(performance-unnecessary-value-param): what a Body takes
namespace muster::start::testing {

using muster::testing::sanitized;
using What = News::What;

inline bool await(int descriptor, os::Nanos deadline = os::kForever) {
  const std::array waited{descriptor};
  std::array<bool, 1> ready{};
  while (!os::wait_readable(waited, ready, deadline)) {
    if (os::now() >= deadline) return false;
  }
  return true;
}

// A process that must be gone sooner or later; false if that takes longer than anybody would wait.
inline bool ends(const os::Process& process) {
  constexpr os::Nanos kLong = 20'000'000'000;
  return await(process.handle.number(), os::now() + kLong);
}
inline bool lives(const os::Process& process) { return !await(process.handle.number(), 0); }

inline News await_news(Template& from) {
  for (;;) {
    if (std::optional<News> told = from.news()) return std::move(*told);
    if (from.descriptor() < 0) throw std::runtime_error("there will be no news");
    await(from.descriptor());
  }
}

// Starts a worker that must start.
inline os::Process start_worker(Template& from, std::uint32_t place = 0, std::span<const int> descriptors = {}) {
  if (!from.request(place, descriptors)) throw std::runtime_error("the request was refused");
  News told = await_news(from);
  if (told.what != What::kStarted || told.place != place) throw std::runtime_error("the worker was not started");
  return std::move(told.process);
}

inline os::End await_end(Template& from, const os::Process& worker) {
  const News told = await_news(from);
  if (told.what != What::kEnded || told.process.id != worker.id) throw std::runtime_error("something else happened");
  return told.end;
}

// ---- what workers do ----

inline int sleep_for_ever(Birth /*birth*/) {
  for (;;) await(-1);
}
inline int return_place(Birth birth) { return static_cast<int>(birth.place); }

// Over a connection that was given to a worker.
inline void say(const os::Descriptor& to, const std::string& text, std::span<const int> descriptors = {}) {
  os::send_message(to, std::as_bytes(std::span(text.data(), text.size())), descriptors);
}
inline os::Message hear(const os::Descriptor& from) {
  await(from.number());
  return os::receive_message(from);
}
inline std::string text_of(const os::Message& message) {
  return {reinterpret_cast<const char*>(message.bytes().data()), message.bytes().size()};
}

// What one worker says that runs `body` and has one descriptor for it.
inline std::string words_of_worker(Template& from, std::uint32_t place = 0) {
  auto [here, there] = os::message_pair();
  const std::array given{there.number()};
  const os::Process worker = start_worker(from, place, given);
  there.reset();
  std::string words = text_of(hear(here));
  await_end(from, worker);
  return words;
}

// The parent's number of a process.
inline int parent_of(int id) {
  int parent = 0;
  std::FILE* const file = std::fopen(("/proc/" + std::to_string(id) + "/stat").c_str(), "re");
  if (file == nullptr || std::fscanf(file, "%*d (%*[^)]) %*c %d", &parent) != 1) parent = 0;  // NOLINT
  if (file != nullptr) std::fclose(file);
  return parent;
}

// Says which processes stand behind a worker: its own handle, its parent's, and that one's parent's; and stays.
inline int tell_family(Birth birth) {
  const int parent = os::parent_process_id();
  const os::Descriptor own = os::process_handle(os::process_id());
  const os::Descriptor next = os::process_handle(parent);
  const os::Descriptor last = os::process_handle(parent_of(parent));
  const std::array handles{own.number(), next.number(), last.number()};
  if (!birth.descriptors.empty()) say(birth.descriptors[0], "family", handles);
  return sleep_for_ever({});
}

struct Family {
  os::Process worker;
  os::Process parent;       // its template
  os::Process grandparent;  // the template's
};
inline Family hear_family(const os::Descriptor& from) {
  os::Message message = hear(from);
  if (message.descriptors.size() != 3) throw std::runtime_error("no family");
  return {{0, std::move(message.descriptors[0])},
          {0, std::move(message.descriptors[1])},
          {0, std::move(message.descriptors[2])}};
}
inline Family start_family(Template& from) {
  auto [here, there] = os::message_pair();
  const std::array given{there.number()};
  start_worker(from, 0, given);
  there.reset();
  return hear_family(here);
}

// All methods, for tests that hold for each.
class EachMethod : public ::testing::TestWithParam<Method> {};
inline const auto kAllMethods = ::testing::Values(Method::kFork, Method::kForkserver, Method::kSpawn);
inline std::string name_of(const ::testing::TestParamInfo<Method>& info) {
  switch (info.param) {
    case Method::kFork:
      return "fork";
    case Method::kForkserver:
      return "forkserver";
    case Method::kSpawn:
      break;
  }
  return "spawn";
}

}  // namespace muster::start::testing
// NOLINTEND(performance-unnecessary-value-param)
