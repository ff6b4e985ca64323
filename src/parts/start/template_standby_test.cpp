// Templates that nobody uses any more stand by for the next one who wants one, and are in nobody's way meanwhile.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "parts/start/testing.hpp"
#include "tests/support/child.hpp"
#include "tests/support/leaks.hpp"

// NOLINTBEGIN(performance-unnecessary-value-param): what a Body takes
namespace muster::start::testing {
namespace {

using muster::testing::run_in_child;

// Says which process its template is.
int tell_parent(Birth birth) {
  say(birth.descriptors.at(0), std::to_string(os::parent_process_id()));
  return 0;
}
std::string id_of(Template& of) { return words_of_worker(of); }

os::Process process_of(const std::string& id) { return {std::stoi(id), os::process_handle(std::stoi(id))}; }

int write_a_word(Birth /*birth*/) { return std::puts("word") < 0 ? 1 : 0; }

void leave(Template& made) {
  made.end_with_workers();
  while (await_news(made).what != What::kClosed) {
  }
}

// Makes one, which is left standing by.
std::string leave_one(Body body = &tell_parent) {
  Template made(Method::kForkserver, body, {});
  std::string id = body == &tell_parent ? id_of(made) : std::string();
  leave(made);
  return id;
}

TEST(TemplateStandby, serves_the_next_one) {
  const std::string first = leave_one();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(leave_one(), first);
}

TEST(TemplateStandby, serves_one_at_a_time) {
  const std::string first = leave_one();
  Template made(Method::kForkserver, &tell_parent, {});
  Template other(Method::kForkserver, &tell_parent, {});
  EXPECT_EQ(id_of(made), first);
  EXPECT_NE(id_of(other), first);
  const os::Process one = process_of(id_of(made));
  const os::Process another = process_of(id_of(other));
  leave(made);
  leave(other);
  EXPECT_TRUE(lives(one)) << "it stands by";
  EXPECT_FALSE(lives(another)) << "and one is enough";
}

TEST(TemplateStandby, tells_all_again_that_concerns_workers) {
  leave_one(&return_place);
  Template made(Method::kForkserver, &return_place, {});
  for (const std::uint32_t place : {7U, 8U}) {
    EXPECT_EQ(await_end(made, start_worker(made, place)).code, static_cast<int>(place));
  }
}

TEST(TemplateStandby, serves_nobody_whose_workers_do_something_else) {
  const std::string first = leave_one();
  leave_one(&return_place);
  EXPECT_NE(leave_one(), first);
}

TEST(TemplateStandby, does_not_stand_by_where_it_keeps_something_for_workers) {
  const os::Descriptor file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::array kept{file.number()};
  os::Process first;
  {
    Template made(Method::kForkserver, &tell_parent, kept);
    first = process_of(id_of(made));
    leave(made);
  }
  EXPECT_FALSE(lives(first));
  const std::string second = leave_one();
  Template made(Method::kForkserver, &tell_parent, kept);
  EXPECT_NE(id_of(made), second);
}

TEST(TemplateStandby, holds_no_output_open_and_serves_what_is_output_then) {
  serve();
  const int stdout_before = dup(STDOUT_FILENO);
  for (int round = 0; round < 3; ++round) {
    int ends_of_pipe[2];
    ASSERT_EQ(pipe2(ends_of_pipe, O_CLOEXEC), 0);
    const os::Descriptor reader(ends_of_pipe[0]);
    dup2(ends_of_pipe[1], STDOUT_FILENO);
    close(ends_of_pipe[1]);
    {
      Template made(Method::kForkserver, &write_a_word, {});
      EXPECT_EQ(await_end(made, start_worker(made)).code, 0);
      leave(made);
    }
    dup2(stdout_before, STDOUT_FILENO);
    std::string read_there;
    char bytes[64];
    // Comes to an end only when nobody has the other one any more.
    for (ssize_t count = 0; (count = read(reader.number(), bytes, sizeof bytes)) > 0;) {
      read_there.append(bytes, static_cast<std::size_t>(count));
    }
    EXPECT_EQ(read_there, "word\n");
  }
  close(stdout_before);
}

TEST(TemplateStandby, can_be_ended) {
  const os::Process process = process_of(leave_one());
  end_spare();
  EXPECT_FALSE(lives(process));
  end_spare();
}

TEST(TemplateStandby, that_was_killed_is_replaced) {
  const std::string first = leave_one();
  const os::Process process = process_of(first);
  os::send_signal(process, os::kKill);
  ASSERT_TRUE(ends(process));
  EXPECT_NE(leave_one(), first);
}

TEST(TemplateStandby, is_the_programs_and_no_copys) {
  const std::string first = leave_one();
  const auto ended = run_in_child([&first] {
    Template made(Method::kForkserver, &tell_parent, {});
    muster::testing::require(id_of(made) != first, "it is not the copy's");
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(leave_one(), first) << "and goes on";
}

TEST(TemplateStandby, ends_with_its_program) {
  auto [here, there] = os::message_pair();
  std::fflush(nullptr);
  const pid_t program = fork();
  if (program == 0) {
    serve();
    const std::string id = leave_one();
    const os::Descriptor handle = os::process_handle(std::stoi(id));
    const std::array given{handle.number()};
    say(there, id, given);
    std::exit(0);  // NOLINT(concurrency-mt-unsafe)
  }
  os::Message message = hear(here);
  ASSERT_EQ(message.descriptors.size(), 1U);
  EXPECT_EQ(waitpid(program, nullptr, 0), program);
  EXPECT_TRUE(ends({0, std::move(message.descriptors[0])}));
}

TEST(TemplateStandby, is_wanted_by_many_at_once) {
  leave_one();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int round = 0; round < 20; ++round) EXPECT_FALSE(leave_one().empty());
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace muster::start::testing
// NOLINTEND(performance-unnecessary-value-param)
