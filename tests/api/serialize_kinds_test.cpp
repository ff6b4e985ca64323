// For every kind of type that travels: what is sent arrives; what is not what was sent is refused, or is at least a
// value.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include <muster/error.hpp>

#include "tests/api/serialize_types.hpp"
#include "tests/support/seeds.hpp"
#include "tests/support/wire.hpp"

namespace muster::testing {
namespace {

template <class T>
class SerializeKinds : public ::testing::Test {};
TYPED_TEST_SUITE(SerializeKinds, AllKinds);

TYPED_TEST(SerializeKinds, value_arrives_as_it_was) {
  for_seeds(30, [](std::uint64_t seed) {
    Random random(seed);
    const auto value = random.value<TypeParam>();
    EXPECT_TRUE(same(sent(value), value));
  });
}

TYPED_TEST(SerializeKinds, truncated_value_is_refused) {
  for_seeds(3, [](std::uint64_t seed) {
    Random random(seed);
    const std::vector<std::byte> bytes = written(random.value<TypeParam>());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const std::vector<std::byte> less(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_THROW(detail::read_all<TypeParam>(less), NotSerializable) << size << " of " << bytes.size();
    }
  });
}

TYPED_TEST(SerializeKinds, leftover_bytes_are_refused) {
  Random random(1);
  std::vector<std::byte> bytes = written(random.value<TypeParam>());
  bytes.push_back(std::byte{0});
  EXPECT_THROW(detail::read_all<TypeParam>(bytes), NotSerializable);
}

TYPED_TEST(SerializeKinds, value_may_lie_at_any_address) {
  Random random(7);
  const auto value = random.value<TypeParam>();
  const std::vector<std::byte> bytes = written(value);
  for (std::size_t shift = 0; shift < 9; ++shift) {
    std::vector<std::byte> moved(shift);
    moved.insert(moved.end(), bytes.begin(), bytes.end());
    EXPECT_TRUE(same(detail::read_all<TypeParam>(std::span(moved).subspan(shift)), value));
  }
}

// Changes a few bytes, or adds or takes some away; to what lengths and flags look like, now and then.
void spoil(std::vector<std::byte>& bytes, Random& random) {
  for (std::size_t n = 1 + random.below(3); n > 0 && !bytes.empty(); --n) {
    const std::size_t at = random.below(bytes.size());
    const auto here = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    switch (random.below(5)) {
      case 0:
        bytes[at] ^= static_cast<std::byte>(1U << random.below(8));
        break;
      case 1:
        bytes[at] = static_cast<std::byte>(random.below(256));
        break;
      case 2:
        std::fill(here, here + static_cast<std::ptrdiff_t>(std::min<std::size_t>(8, bytes.size() - at)),
                  std::byte{255});
        break;
      case 3:
        bytes.insert(here, random.below(9), static_cast<std::byte>(random.below(3)));
        break;
      default:
        bytes.erase(here, here + static_cast<std::ptrdiff_t>(1 + random.below(bytes.size() - at)));
    }
  }
}

TYPED_TEST(SerializeKinds, spoiled_bytes_are_refused_or_a_value) {
  for_seeds(300, [](std::uint64_t seed) {
    Random random(seed);
    std::vector<std::byte> bytes = written(random.value<TypeParam>());
    spoil(bytes, random);
    try {
      const auto value = detail::read_all<TypeParam>(bytes);
      const std::vector<std::byte> again = written(value);
      EXPECT_EQ(written(detail::read_all<TypeParam>(again)).size(), again.size());
    } catch (const NotSerializable&) {
    }
  });
}

}  // namespace
}  // namespace muster::testing
