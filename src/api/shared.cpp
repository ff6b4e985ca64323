#include <muster/shared.hpp>

#include <memory>
#include <utility>

#include "os/os.hpp"
#include "os/process.hpp"

namespace muster::detail {
namespace {

std::shared_ptr<void> map(std::size_t bytes) {
  auto pages = std::make_shared<os::Mapping>(os::Mapping::inherited(bytes));
  void* const data = pages->data();
  return {std::move(pages), data};
}

}  // namespace

SharedPages::SharedPages(std::size_t bytes) : data_(map(bytes)), maker_(os::process_mark()) {}

bool SharedPages::is_ours() const noexcept { return maker_ == os::process_mark(); }

}  // namespace muster::detail
