// serve() and init(): when they may be called, and by whom.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <muster/error.hpp>

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>

#include "os/testing.hpp"
#include "parts/start/testing.hpp"
#include "tests/support/child.hpp"
#include "tests/support/leaks.hpp"

// NOLINTBEGIN(performance-unnecessary-value-param): what a Body takes
namespace muster::start::testing {
namespace {

using muster::testing::Holdings;
using muster::testing::require;
using muster::testing::run_in_child;

TEST(Serve, beside_threads_is_refused_and_can_be_made_good) {
  const auto ended = run_in_child([] {
    std::atomic<std::uint32_t> gate{0};
    std::thread busy([&] {
      while (gate.load() == 0) os::futex_wait(gate, 0, os::Scope::kPrivate);
    });
    std::string reason;
    try {
      serve();
    } catch (const Error& error) {
      reason = error.what();
    }
    require(reason.find("at the top of main") != std::string::npos, reason.c_str());
    require(!serving(), "serving");
    gate.store(1);
    os::futex_wake(gate, os::kAll, os::Scope::kPrivate);
    busy.join();
    serve();
    require(serving(), "not serving");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(Serve, twice_is_once_even_beside_threads) {
  const auto ended = run_in_child([] {
    serve();
    const Holdings before = Holdings::now();
    std::thread([] { serve(); }).join();
    serve();
    require(muster::testing::leaked_since(before).empty(), "there are two");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

int g_global = 1;

int return_global(Birth /*birth*/) { return g_global; }

TEST(Serve, workers_see_the_memory_of_that_moment) {
  const auto ended = run_in_child([] {
    g_global = 2;
    serve();
    g_global = 3;
    Template server(Method::kForkserver, &return_global, {});
    require(await_end(server, start_worker(server)).code == 2, "forkserver");
    Template fork(Method::kFork, &return_global, {});
    g_global = 4;
    require(await_end(fork, start_worker(fork)).code == 3, "fork");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(Serve, in_a_forked_child_is_not_its_parents) {
  const auto ended = run_in_child([] {
    serve();
    const pid_t child = fork();
    if (child == 0) {
      require(!serving(), "the connection is not for two");
      {
        Template made(Method::kForkserver, &return_place, {});  // a fork, that is
        require(await_end(made, start_worker(made, 4)).code == 4, "by fork");
      }
      serve();
      require(serving(), "of its own");
      Template made(Method::kForkserver, &return_place, {});
      require(await_end(made, start_worker(made, 5)).code == 5, "by its own server");
      std::exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    require(status == 0, "the child");
    Template made(Method::kForkserver, &return_place, {});
    require(await_end(made, start_worker(made, 6)).code == 6, "the parent's server lives on");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(Serve, output_goes_where_the_programs_does_by_then) {
  const auto ended = run_in_child([] {
    serve();
    int ends[2];
    require(pipe(ends) == 0, "pipe");
    dup2(ends[1], STDOUT_FILENO);
    constexpr auto kPrint = [](Birth) {
      std::printf("printed\n");
      return 0;
    };
    Template made(Method::kForkserver, kPrint, {});
    await_end(made, start_worker(made));
    char text[8] = {};
    require(read(ends[0], text, sizeof text) == 8 && std::string_view(text, 8) == "printed\n", "it went elsewhere");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(Serve, keeps_nothing_of_the_programs_open) {
  const auto ended = run_in_child([] {
    auto [here, there] = os::message_pair();
    serve();
    const Template made(Method::kForkserver, &return_place, {});
    there.reset();
    require(hear(here).state == os::Message::State::kClosed, "the server holds it");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(Serve, without_standard_streams_works) {
  const auto ended = run_in_child([] {
    close(0);
    close(1);
    serve();
    for (const Method method : {Method::kFork, Method::kForkserver}) {
      Template made(method, &return_place, {});
      require(await_end(made, start_worker(made, 6)).code == 6, "the worker");
    }
    require(!os::is_open(0) && !os::is_open(1), "something has taken their place");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

}  // namespace
}  // namespace muster::start::testing
// NOLINTEND(performance-unnecessary-value-param)
