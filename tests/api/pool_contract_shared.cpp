// What only tasks can do that share the test's memory: pointers to members, objects that are counted.

#include <ranges>

#include "tests/api/pool_contract.hpp"
#include "tests/support/tracked.hpp"

namespace muster::testing {
namespace {

TYPED_TEST(SharedPoolContract, results_built_before_a_failure_are_destroyed_once) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3}));
  const auto make = [](int i) {
    if (i == 700) throw std::runtime_error("enough");
    return Tracked(i);
  };
  for (const int chunksize : {0, 1, 16, 1000}) {
    Tracked::reset();
    EXPECT_THROW(pool.map(make, std::views::iota(0, 1000), {.chunksize = chunksize}), std::runtime_error);
    EXPECT_EQ(Tracked::live, 0) << "chunksize " << chunksize;
    {
      auto later = pool.map_async(make, std::views::iota(0, 1000), {.chunksize = chunksize});
      later.wait();
      const auto outcomes = pool.try_map(make, std::views::iota(690, 710), {.chunksize = chunksize});
      EXPECT_EQ(Tracked::live, 19);
    }
    pool.wait_all();
    EXPECT_EQ(Tracked::live, 0) << "chunksize " << chunksize;
  }
}

TYPED_TEST(SharedPoolContract, results_are_destroyed_once_after_success) {
  Tracked::reset();
  {
    PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
    auto results = pool.map([](int i) { return Tracked(i); }, std::views::iota(0, 500));
    EXPECT_EQ(Tracked::live, 500);
    EXPECT_EQ(Tracked::copies, 0);
    auto moved = std::move(results);
    EXPECT_EQ(Tracked::live, 500);
    const std::vector<Tracked> taken = std::move(moved);
    EXPECT_EQ(Tracked::copies, 0);
    EXPECT_EQ(taken[499].value, 499);
  }
  EXPECT_EQ(Tracked::live, 0);
}

struct Named {
  int number = 0;
  int get() const { return number; }
};

TYPED_TEST(SharedPoolContract, pointers_to_members_are_callables) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  EXPECT_EQ(numbers(pool.map(&Named::get, std::vector{Named{3}})), (std::vector{3}));
  EXPECT_EQ(pool.apply(&Named::get, Named{4}), 4);
}

}  // namespace
}  // namespace muster::testing
