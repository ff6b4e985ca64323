#pragma once
// Values on the wire, without another process: into bytes and back.

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <muster/detail/bytes.hpp>
#include <muster/serialize.hpp>

namespace muster::testing {

// Memory that grows, from nothing, by as little as it can: so that values are often written across a border.
class Bytes final : public detail::Writer {
 public:
  Bytes() = default;
  std::span<const std::byte> all() const { return {begin_, size()}; }
  int times_grown() const { return times_grown_; }

 private:
  void more(std::size_t size) override {
    const std::size_t used = this->size();
    std::vector<std::byte> larger(used + size);
    std::copy_n(begin_, used, larger.data());
    memory_ = std::move(larger);
    begin_ = memory_.data();
    at_ = begin_ + used;
    end_ = begin_ + memory_.size();
    ++times_grown_;
  }

  std::vector<std::byte> memory_;
  int times_grown_ = 0;
};

template <class T>
std::vector<std::byte> written(const T& value) {
  Bytes bytes;
  detail::write_value(bytes, value);
  return {bytes.all().begin(), bytes.all().end()};
}

template <class T>
T sent(const T& value) {
  return detail::read_all<T>(written(value));
}

}  // namespace muster::testing
