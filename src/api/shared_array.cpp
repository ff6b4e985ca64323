#include <muster/shared_array.hpp>

#include <cstdint>
#include <new>

#include <muster/detail/codec_memory.hpp>
#include <muster/error.hpp>

#include "engine/process/inside.hpp"
#include "os/os.hpp"
#include "parts/memory/shelf.hpp"

namespace muster::detail {

std::shared_ptr<Landing> make_shared_memory(std::size_t count, std::size_t size) {
  if (count == 0) return nullptr;
  if (count > SIZE_MAX / 2 / size) throw std::bad_alloc();
  return memory::Segment::shared(os::Mapping::memfd(count * size, "muster-array"));
}

void Writer::attach(std::shared_ptr<Landing> /*memory*/) {
  throw NotSerializable("a SharedArray goes to the workers of a ProcessPool, with a call, and nowhere else");
}

void write_shared_memory(Writer& to, const std::shared_ptr<Landing>& memory) {
  if (memory) to.attach(memory);
  to.plain(memory ? static_cast<const memory::Segment&>(*memory).number() : std::uint64_t{0});
}

std::shared_ptr<Landing> read_shared_memory(Reader& from, std::size_t count, std::size_t size) {
  const auto number = from.plain<std::uint64_t>();
  if (number == 0 && count == 0) return nullptr;
  std::shared_ptr<Landing> memory = engine::process::memory_here(number);
  if (!memory) throw NotSerializable("the memory of a SharedArray did not come along, or could not be mapped");
  if (memory->size / size < count) refuse_bytes("a SharedArray is larger than its memory");
  return memory;
}

}  // namespace muster::detail
