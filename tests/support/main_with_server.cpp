// A main that does what programs with forkserver and spawn do: begins with muster::init.

#include <gtest/gtest.h>
#include <muster/init.hpp>

int main(int argc, char** argv) {
  muster::init(argc, argv);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
