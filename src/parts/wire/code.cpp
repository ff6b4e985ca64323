#include "parts/wire/code.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include <muster/detail/lock_word.hpp>
#include <muster/error.hpp>

namespace muster {
namespace {

using detail::CodeId;
using detail::LockGuard;

// The numbers that this process gives. Never destroyed: a pool may outlive the end of main.
struct Given {
  detail::PrivateLock lock;  // guards what follows
  std::unordered_map<const void*, CodeId> ids;
  std::deque<os::CodePlace> places;
};
Given& given() {
  static auto* const table = new Given;
  return *table;
}

// The numbers that this process was told as a worker, by its one thread before all others.
struct Told {
  os::CodePlace place;
  void* address = nullptr;  // once it was looked for
};
std::deque<Told>& told() {
  static auto* const table = new std::deque<Told>;
  return *table;
}

// The last numbers that a thread asked for.
struct Recent {
  const void* function = nullptr;
  CodeId id = 0;
};
thread_local std::array<Recent, 64> t_recent;

CodeId give(const void* function) {
  Given& table = given();
  const LockGuard guard(table.lock);
  if (const auto known = table.ids.find(function); known != table.ids.end()) return known->second;
  const auto place = os::place_of(function);
  if (!place) throw NotSerializable("a function that lies in no loaded module cannot travel to a worker process");
  const auto id = static_cast<CodeId>(table.places.size());
  table.places.push_back(*place);
  table.ids.emplace(function, id);
  return id;
}

}  // namespace

CodeId detail::code_id(const void* function) {
  const auto bits = reinterpret_cast<std::uintptr_t>(function) >> 4U;
  Recent& recent = t_recent[(bits ^ (bits >> 6U)) % t_recent.size()];
  if (recent.function != function || function == nullptr) recent = {function, give(function)};
  return recent.id;
}

void* detail::code_at(CodeId id) {
  auto& table = told();
  if (id >= table.size()) throw NotSerializable("a function number that nobody explained: " + std::to_string(id));
  Told& code = table[id];
  if (code.address == nullptr) code.address = os::code_at(code.place);
  if (code.address == nullptr) {
    throw NotSerializable(
        "the worker process does not have the code of this function: its module was loaded after the workers' "
        "template was made; load it before, or make the pool later with start_method = fork");
  }
  return code.address;
}

CodeId wire::codes() noexcept {
  Given& table = given();
  const LockGuard guard(table.lock);
  return static_cast<CodeId>(table.places.size());
}

os::CodePlace wire::code_place(CodeId id) {
  Given& table = given();
  const LockGuard guard(table.lock);
  return table.places.at(id);
}

void wire::forget_codes() noexcept { told().clear(); }

bool wire::learn_code(CodeId id, const os::CodePlace& place) {
  if (id != told().size()) return false;
  told().push_back({.place = place});
  return true;
}

}  // namespace muster
