// Who outlives whom: each process is killed in turn, and nobody is left who should not be.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>

#include <muster/error.hpp>

#include "parts/start/testing.hpp"
#include "tests/support/child.hpp"
#include "tests/support/leaks.hpp"

// NOLINTBEGIN(performance-unnecessary-value-param): what a Body takes
namespace muster::start::testing {
namespace {

using muster::testing::require;
using muster::testing::run_in_child;

using Death = EachMethod;
INSTANTIATE_TEST_SUITE_P(Template, Death, kAllMethods, &name_of);

// A program of its own, a child of this one, which gets a connection to say something over.
class Program {
 public:
  explicit Program(const std::function<void(os::Descriptor)>& body) {
    auto [here, there] = os::message_pair();
    connection_ = std::move(here);
    std::fflush(nullptr);
    id_ = fork();
    if (id_ == 0) {
      setpgid(0, 0);
      connection_.reset();
      body(std::move(there));
      std::exit(0);  // NOLINT(concurrency-mt-unsafe)
    }
  }
  ~Program() { end(SIGKILL); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  const os::Descriptor& connection() const noexcept { return connection_; }
  int id() const noexcept { return id_; }
  // How it ended.
  int end(int signal) {
    if (id_ <= 0) return -1;
    if (signal != 0) kill(id_, signal);
    int status = -1;
    while (waitpid(id_, &status, 0) < 0 && errno == EINTR) {
    }
    id_ = 0;
    return status;
  }

 private:
  os::Descriptor connection_;
  pid_t id_ = 0;
};

// Has a template of `method` and a worker that tells of its family.
std::unique_ptr<Template> begin_family(Method method, const os::Descriptor& connection) {
  if (method != Method::kFork) serve();
  auto made = std::make_unique<Template>(method, &tell_family, std::span<const int>());
  const std::array given{connection.number()};
  start_worker(*made, 0, given);
  return made;
}

// ---- the template dies ----

TEST_P(Death, of_a_template_is_told_and_ends_its_workers) {
  Template made(GetParam(), &tell_family, {});
  const Family first = start_family(made);
  const Family second = start_family(made);
  os::send_signal(first.parent, os::kKill);
  EXPECT_EQ(await_news(made).what, What::kClosed);
  EXPECT_TRUE(ends(first.worker));
  EXPECT_TRUE(ends(second.worker));
  EXPECT_FALSE(made.news().has_value()) << "it is told once";
  EXPECT_FALSE(made.request(0, {}));
  EXPECT_EQ(made.descriptor(), -1);
}

TEST_P(Death, of_a_template_loses_no_news_that_it_had_sent) {
  auto [here, there] = os::message_pair();
  Template made(GetParam(), &tell_family, {});
  const std::array given{there.number()};
  made.request(1, given);
  const Family family = hear_family(here);
  await(made.descriptor());
  os::send_signal(family.parent, os::kKill);
  EXPECT_TRUE(ends(family.parent));
  made.request(2, {});  // to nobody
  EXPECT_EQ(await_news(made).what, What::kStarted);
  EXPECT_EQ(await_news(made).what, What::kClosed);
  EXPECT_TRUE(ends(family.worker));
}

TEST_P(Death, of_a_template_leaves_a_destructor_nothing_to_wait_for) {
  os::Process worker;
  {
    Template made(GetParam(), &tell_family, {});
    Family family = start_family(made);
    os::send_signal(family.parent, os::kKill);
    worker = std::move(family.worker);
  }
  EXPECT_TRUE(ends(worker));
}

TEST_P(Death, a_template_is_ended_by_no_signal_that_ends_programs) {
  Template made(GetParam(), &tell_family, {});
  const Family family = start_family(made);
  for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGALRM, SIGCHLD}) {
    os::send_signal(family.parent, signal);
  }
  const Family again = start_family(made);
  EXPECT_TRUE(lives(family.parent));
  EXPECT_TRUE(lives(family.worker));
}

// ---- the program dies ----

TEST_P(Death, of_the_program_by_a_signal_leaves_nobody) {
  for (int round = 0; round < 5; ++round) {
    Program program([](os::Descriptor connection) {
      const auto made = begin_family(GetParam(), connection);
      sleep_for_ever({});
    });
    const Family family = hear_family(program.connection());
    EXPECT_TRUE(lives(family.worker));
    program.end(SIGKILL);
    EXPECT_TRUE(ends(family.worker));
    EXPECT_TRUE(ends(family.parent));
    EXPECT_TRUE(ends(family.grandparent)) << "the program, or the server";
  }
}

TEST_P(Death, of_the_program_is_noticed_though_a_child_of_it_holds_its_descriptors) {
  auto [here, there] = os::message_pair();
  Program program([&, &gate = there](os::Descriptor connection) {
    const auto made = begin_family(GetParam(), connection);
    if (fork() == 0) {
      connection.reset();
      await(gate.number());
      _exit(0);
    }
    sleep_for_ever({});
  });
  const Family family = hear_family(program.connection());
  program.end(SIGKILL);
  EXPECT_TRUE(ends(family.worker));
  EXPECT_TRUE(ends(family.parent));
  os::shut(here);
}

TEST_P(Death, of_the_program_by_its_own_exit_leaves_nobody) {
  for (const bool at_once : {false, true}) {
    Program program([at_once](os::Descriptor connection) {
      static Template* never_destroyed = nullptr;
      never_destroyed = begin_family(GetParam(), connection).release();
      require(never_destroyed->request(1, {}), "request");
      await(connection.number());
      if (at_once) _exit(3);
      std::exit(3);  // NOLINT(concurrency-mt-unsafe)
    });
    const Family family = hear_family(program.connection());
    os::shut(program.connection());
    EXPECT_EQ(WEXITSTATUS(program.end(0)), 3);
    EXPECT_TRUE(ends(family.worker));
    EXPECT_TRUE(ends(family.parent));
    EXPECT_TRUE(ends(family.grandparent));
  }
}

// Where process 1 reaps nobody, what a program leaves behind stays for ever: so nothing may be left.
TEST(ServerDeath, at_the_exit_of_the_program_comes_before_it) {
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  {
    Program program([](os::Descriptor connection) {
      static std::unique_ptr<Template> still_there;
      still_there = begin_family(Method::kForkserver, connection);
      await(connection.number());
    });
    const Family family = hear_family(program.connection());
    os::shut(program.connection());
    EXPECT_TRUE(WIFEXITED(program.end(0)));
    EXPECT_FALSE(lives(family.worker));
    EXPECT_FALSE(lives(family.parent));
    EXPECT_FALSE(lives(family.grandparent));
  }
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "somebody was left to be adopted";
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_P(Death, a_worker_of_a_worker_dies_with_it) {
  constexpr auto kStartFamily = [](Birth birth) {
    Template inner(Method::kFork, &tell_family, {});
    const std::array given{birth.descriptors.at(0).number()};
    start_worker(inner, 0, given);
    return sleep_for_ever({});
  };
  Template made(GetParam(), kStartFamily, {});
  auto [here, there] = os::message_pair();
  const std::array given{there.number()};
  const os::Process worker = start_worker(made, 0, given);
  const Family family = hear_family(here);
  os::send_signal(worker, os::kKill);
  EXPECT_TRUE(ends(family.worker));
  EXPECT_TRUE(ends(family.parent));
}

// What PR_SET_PDEATHSIG would get wrong. (A fork is made by the only thread there is.)
TEST(ServerDeath, of_the_thread_that_made_a_template_is_no_matter) {
  std::unique_ptr<Template> made;
  os::Process worker;
  std::thread([&] {
    made = std::make_unique<Template>(Method::kForkserver, &sleep_for_ever, std::span<const int>());
    worker = start_worker(*made);
  }).join();
  const os::Process next = start_worker(*made);
  EXPECT_TRUE(lives(worker));
  EXPECT_TRUE(lives(next));
}

// ---- the world around ----

TEST_P(Death, of_a_group_by_the_keyboard_spares_the_workers) {
  Program program([](os::Descriptor connection) {
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    const auto made = begin_family(GetParam(), connection);
    sleep_for_ever({});
  });
  const Family family = hear_family(program.connection());
  EXPECT_EQ(kill(-program.id(), SIGINT), 0);
  EXPECT_EQ(kill(-program.id(), SIGQUIT), 0);
  const std::array handles{family.worker.handle.number(), family.parent.handle.number()};
  std::array<bool, 2> ready{};
  EXPECT_FALSE(os::wait_readable(handles, ready, os::now() + 100'000'000)) << "something died";
}

TEST_P(Death, is_told_where_the_program_ignores_its_children) {
  Program program([](os::Descriptor connection) {
    signal(SIGCHLD, SIG_IGN);
    if (GetParam() != Method::kFork) serve();
    {
      Template made(GetParam(), &return_place, {});
      for (std::uint32_t i = 0; i < 10; ++i) {
        require(await_end(made, start_worker(made, i)).code == static_cast<int>(i), "the code");
      }
    }
    say(connection, "well");
  });
  EXPECT_EQ(text_of(hear(program.connection())), "well");
  EXPECT_EQ(program.end(0), 0);
}

TEST_P(Death, is_not_seen_by_a_wait_of_the_program_for_its_own) {
  Template made(GetParam(), &return_place, {});
  await_end(made, start_worker(made));
  EXPECT_EQ(waitpid(-1, nullptr, 0), -1) << "it may not wait for ours";
  EXPECT_EQ(errno, ECHILD);
  const pid_t child = fork();
  if (child == 0) _exit(0);
  EXPECT_EQ(wait(nullptr), child);
}

TEST_P(Death, of_a_template_is_waited_for_though_a_child_of_the_program_holds_its_connection) {
  auto [here, there] = os::message_pair();
  pid_t child = -1;
  os::Process worker;
  {
    Template made(GetParam(), &sleep_for_ever, {});
    worker = start_worker(made);
    child = fork();
    if (child == 0) {
      here.reset();
      await(there.number());
      _exit(0);
    }
  }
  EXPECT_FALSE(lives(worker));
  here.reset();
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
}

// ---- the server dies ----

TEST(ServerDeath, is_told_to_who_asks_it_for_a_template_and_spares_others) {
  Program program([](os::Descriptor connection) {
    const auto before = begin_family(Method::kForkserver, connection);
    hear(connection);
    std::string reason;
    try {
      const Template after(Method::kForkserver, &return_place, {});
    } catch (const Error& error) {
      reason = error.what();
    }
    require(reason.find("has ended") != std::string::npos, reason.c_str());
    auto [here, there] = os::message_pair();
    const std::array given{there.number()};
    require(before->request(1, given), "those that were there go on");
    require(hear(here).descriptors.size() == 3, "and can be asked for workers");
    say(connection, "well");
  });
  const Family family = hear_family(program.connection());
  os::send_signal(family.grandparent, os::kKill);
  EXPECT_TRUE(ends(family.grandparent));
  EXPECT_TRUE(lives(family.parent));
  say(program.connection(), "dead");
  EXPECT_EQ(text_of(hear(program.connection())), "well");
  EXPECT_EQ(program.end(0), 0);
  EXPECT_TRUE(ends(family.parent));
}

TEST(ServerDeath, by_a_signal_that_ends_programs_does_not_happen) {
  Program program([](os::Descriptor connection) {
    const auto before = begin_family(Method::kForkserver, connection);
    hear(connection);
    const Template after(Method::kForkserver, &return_place, {});
    say(connection, "well");
  });
  const Family family = hear_family(program.connection());
  for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGALRM, SIGCHLD}) {
    os::send_signal(family.grandparent, signal);
  }
  say(program.connection(), "go on");
  EXPECT_EQ(text_of(hear(program.connection())), "well");
}

}  // namespace
}  // namespace muster::start::testing
// NOLINTEND(performance-unnecessary-value-param)
