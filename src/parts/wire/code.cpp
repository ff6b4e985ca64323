#include "parts/wire/code.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include <muster/detail/code.hpp>
#include <muster/detail/lock_word.hpp>
#include <muster/error.hpp>

namespace muster {
namespace {

using detail::LockGuard;
using wire::CodeId;

// The numbers that this process gives. Never destroyed: a pool may outlive the end of main.
struct Given {
  detail::PrivateLock lock;  // guards what follows
  std::unordered_map<const void*, CodeId> ids;
  std::deque<os::CodePlace> places;
  std::atomic<CodeId> count{0};  // of places, once they are there
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

// What a thread asked for last: by address, and by place.
struct Known {
  const void* function = nullptr;
  const os::CodePlace* place = nullptr;
  CodeId id = 0;
};
struct Found {
  os::CodePlace place;
  void* function = nullptr;
};
template <class T>
using Recent = std::array<T, 64>;
thread_local Recent<Known> t_known;
thread_local Recent<Found> t_found;

template <class T>
T& entry_of(Recent<T>& recent, std::uint64_t address) {
  const std::uint64_t bits = address >> 4U;
  return recent[(bits ^ (bits >> 6U)) % recent.size()];
}

Known give(const void* function) {
  Given& table = given();
  const LockGuard guard(table.lock);
  if (const auto known = table.ids.find(function); known != table.ids.end()) {
    return {function, &table.places[known->second], known->second};
  }
  const auto place = os::place_of(function);
  if (!place) throw NotSerializable("a function that lies in no loaded module cannot travel to another process");
  const auto id = static_cast<CodeId>(table.places.size());
  table.places.push_back(*place);
  table.ids.emplace(function, id);
  table.count.store(id + 1, std::memory_order_release);
  return {function, &table.places.back(), id};
}

const Known& know(const void* function) {
  Known& known = entry_of(t_known, reinterpret_cast<std::uintptr_t>(function));
  if (known.function != function || function == nullptr) known = give(function);
  return known;
}

}  // namespace

// ---- functions within values ----------------------------------------------------------------------------------------

const os::CodePlace& wire::place_of(const void* function) { return *know(function).place; }

void* wire::find(const os::CodePlace& place) {
  Found& found = entry_of(t_found, place.offset);
  if (found.function == nullptr || found.place.offset != place.offset || found.place != place) {
    void* const function = os::code_at(place);
    if (function == nullptr) {
      throw NotSerializable(
          "a function came from another process, and its module is not loaded in this one: for workers, load it before "
          "muster::init, or make the pool after that with start_method = fork");
    }
    found = {place, function};
  }
  return found.function;
}

namespace {

// The first byte of a function: of how many bytes the build id comes, and whether the offset has 32 bits.
constexpr std::uint8_t kShortOffset = 0x80;

}  // namespace

// Short, since a call of a function is to fit into a cache line. Without a build id there is the address besides.
void detail::write_function(Writer& out, const void* function) {
  const os::CodePlace& place = wire::place_of(function);
  const auto offset = static_cast<std::uint32_t>(place.offset);
  const bool is_short = offset == place.offset;
  out.plain(static_cast<std::uint8_t>(place.distinct_size | (is_short ? kShortOffset : 0)));
  out.write(place.build_id.data(), place.distinct_size);
  is_short ? out.plain(offset) : out.plain(place.offset);
  if (place.build_id_size == 0) out.plain(place.address);
}

void* detail::read_function(Reader& in) {
  os::CodePlace place;
  const auto first = in.plain<std::uint8_t>();
  place.build_id_size = first & (kShortOffset - 1U);
  if (place.build_id_size > place.build_id.size()) throw NotSerializable("a function came under no name of a module");
  in.read(place.build_id.data(), place.build_id_size);
  place.offset = (first & kShortOffset) != 0 ? in.plain<std::uint32_t>() : in.plain<std::uint64_t>();
  if (place.build_id_size == 0) place.address = in.plain<std::uint64_t>();
  return wire::find(place);
}

// ---- numbers --------------------------------------------------------------------------------------------------------

CodeId wire::code_id(const void* function) { return know(function).id; }

CodeId wire::codes() noexcept { return given().count.load(std::memory_order_acquire); }

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

void* wire::code_at(CodeId id) {
  auto& table = told();
  if (id >= table.size()) throw NotSerializable("a function number that nobody explained: " + std::to_string(id));
  Told& code = table[id];
  if (code.address == nullptr) code.address = find(code.place);
  return code.address;
}

}  // namespace muster
