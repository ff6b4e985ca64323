// A program without a build id (this one is linked so): functions are known by their addresses, in copies alone.

#include "tests/api/process_pool.hpp"

namespace muster::testing {
namespace {

TEST(ProcessNameless, program_may_have_workers_that_are_copies) {
  for (const StartMethod method : {StartMethod::fork, StartMethod::forkserver}) {
    ProcessPool pool({.processes = 1, .start_method = method});
    EXPECT_EQ(pool.apply(square, 3), 9);
  }
}

TEST(ProcessNameless, program_cannot_be_executed_anew) {
  const std::string text =
      text_thrown<Error>([] { const ProcessPool pool({.processes = 1, .start_method = StartMethod::spawn}); });
  EXPECT_NE(text.find("no build id"), std::string::npos) << text;
  EXPECT_NE(text.find("-Wl,--build-id"), std::string::npos) << text;
}

}  // namespace
}  // namespace muster::testing
