// Exceptions from the wire. Any bytes give an exception, which can be thrown, asked what it says, and sent on.

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <future>
#include <ios>
#include <new>
#include <regex>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <typeinfo>
#include <vector>

#include <muster/error.hpp>
#include <muster/exception.hpp>

#include "tests/fuzz/fuzz.hpp"
#include "tests/support/wire.hpp"

namespace muster::fuzz {
namespace {

struct Jam {
  int sheet = 0;
  std::string tray;
  std::vector<bool> lamps;
};
struct Silence final : std::exception {};

const bool kJamKnown = register_exception<Jam>();
const bool kSilenceKnown = register_exception<Silence>();

template <class... E>
std::vector<std::string> names() {
  return {typeid(E).name()...};
}

// Inputs would take long to find a name by chance.
const std::vector<std::string>& known_names() {
  static const auto all =
      names<std::runtime_error, std::exception, std::bad_alloc, std::system_error, std::ios_base::failure,
            std::filesystem::filesystem_error, std::future_error, std::regex_error, WorkerLost, OwnerDied, RemoteError,
            NotSerializable, bool, char, int, double, std::string, const char*, Jam, Silence>();
  return all;
}

// Bytes that begin with a known name, or the bytes themselves.
std::vector<std::byte> record(Choices& in) {
  testing::Bytes bytes;
  const std::size_t which = in.below(2 * known_names().size());
  if (which < known_names().size()) {
    const std::string& name = known_names()[which];
    bytes.plain(static_cast<std::uint64_t>(name.size()));
    bytes.write(name.data(), name.size());
    bytes.plain(static_cast<std::uint32_t>(in.below(3)));
  }
  const auto rest = in.rest();
  bytes.write(rest.data(), rest.size());
  return {bytes.all().begin(), bytes.all().end()};
}

std::exception_ptr read(std::span<const std::byte> bytes) {
  detail::Reader reader(bytes);
  const std::exception_ptr arrived = detail::read_exception(reader);
  require(arrived != nullptr, "bytes gave no exception");
  return arrived;
}

std::string said(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "";
  }
}

}  // namespace

void play(std::span<const std::byte> input) {
  Choices in(input);
  const std::exception_ptr arrived = read(record(in));
  testing::Bytes again;
  detail::write_exception(again, arrived);
  require(said(read(again.all())) == said(arrived), "an exception that was sent on says something else");
}

}  // namespace muster::fuzz
