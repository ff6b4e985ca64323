#include <muster/detail/storage.hpp>

#include <new>
#include <utility>

#include "os/os.hpp"
#include "parts/memory/spare_pages.hpp"

namespace muster::detail {
namespace {

// From here on the system's pages pay: a call to it costs little beside touching them.
constexpr std::size_t kLarge = std::size_t{4} << 20U;

struct Pages {
  explicit Pages(std::size_t bytes) : mapping(memory::take_pages(bytes)) {}
  ~Pages() { memory::give_pages(std::move(mapping)); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  os::Mapping mapping;
};

}  // namespace

Storage::Storage(std::size_t count, std::size_t size, std::size_t alignment) : alignment_(alignment) {
  if (count == 0) return;
  if (count > static_cast<std::size_t>(PTRDIFF_MAX) / size) throw std::bad_alloc();
  bytes_ = count * size;
  if (bytes_ < kLarge) {
    data_ = ::operator new(bytes_, std::align_val_t(alignment_));
    return;
  }
  const auto pages = std::make_shared<Pages>(bytes_);
  data_ = pages->mapping.data();
  keeper_ = pages;
  huge_ = true;
}

Storage::~Storage() {
  if (!keeper_ && data_ != nullptr) ::operator delete(data_, std::align_val_t(alignment_));
}

std::size_t Storage::objects_a_page(std::size_t size) const noexcept { return huge_ ? os::huge_page_size() / size : 0; }

}  // namespace muster::detail
