// Functions of a library that the program loads when it runs already: workers that are copies of an earlier moment, or
// of the program executed anew, have it only once they load it themselves.

#include <dlfcn.h>

#include <stdexcept>

#include "tests/api/process_pool.hpp"

namespace muster::testing {
namespace {

using Square = int (*)(int);

Square load() {
  void* const module = dlopen(LATE_MODULE, RTLD_NOW);
  if (module == nullptr) throw std::runtime_error("there is no module " LATE_MODULE);
  return reinterpret_cast<Square>(dlsym(module, "late_square"));
}

// The text of what a call by a worker without the library throws; that of fork has it.
template <class F>
void expect_unknown(const F& call) {
  const std::string text = text_thrown<NotSerializable>(call);
  EXPECT_NE(text.find("its module is not loaded in this one"), std::string::npos) << text;
  EXPECT_NE(text.find("muster::init"), std::string::npos) << text;
}

TEST(ProcessModules, function_of_one_that_a_worker_has_not_is_an_error_of_its_task) {
  const Square square_there = load();
  ProcessPool pool(Processes::with({.processes = 1}));
  if (method_under_test() == StartMethod::fork) {
    EXPECT_EQ(pool.apply(square_there, 3), 9);
    return;
  }
  const std::vector<int> pids = all_pids(pool);
  expect_unknown([&] { pool.apply(square_there, 3); });
  expect_unknown([&] { pool.map(square_there, std::vector{1, 2, 3}); });
  EXPECT_EQ(pool.apply(square, 3), 9);
  EXPECT_TRUE(pool.apply([] { return load() != nullptr; }));
  EXPECT_EQ(pool.apply(square_there, 4), 16);
  EXPECT_EQ(all_pids(pool), pids);
}

void call(Square function) { function(1); }

TEST(ProcessModules, initializer_from_one_that_a_worker_has_not_fails_the_constructor) {
  const Square square_there = load();
  if (method_under_test() == StartMethod::fork) return;
  expect_unknown([&] {
    const ProcessPool pool(Processes::with({.processes = 2, .initializer = muster::bind(call, square_there)}));
  });
}

}  // namespace
}  // namespace muster::testing
