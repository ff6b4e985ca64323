// What is sent to workers and back: values that cannot be written or read, exceptions of unknown types, functions, and
// what is bound to them.

#include <cereal/types/vector.hpp>

#include <numeric>
#include <ranges>
#include <stdexcept>

#include <muster/exception.hpp>

#include "tests/api/process_pool.hpp"

namespace muster::testing {
namespace {

// ---- exceptions -----------------------------------------------------------------------------------------------------

struct Unheard : std::exception {
  const char* what() const noexcept override { return "nobody knows my type"; }
};
struct NoException {
  int code = 7;
};

TEST(ProcessTravel, an_exception_of_an_unknown_type_arrives_as_its_name_and_text) {
  ProcessPool pool(Processes::with({.processes = 2}));
  try {
    pool.apply([] { throw Unheard(); });
    FAIL() << "nothing was thrown";
  } catch (const RemoteError& error) {
    EXPECT_STREQ(error.what(), "nobody knows my type");
    EXPECT_NE(error.type().find("Unheard"), std::string::npos) << error.type();
  }
  try {
    pool.map([](int) -> int { throw NoException(); }, std::views::iota(0, 5));
    FAIL() << "nothing was thrown";
  } catch (const RemoteError& error) {
    EXPECT_NE(error.type().find("NoException"), std::string::npos) << error.type();
  }
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST(ProcessTravel, an_initializer_fails_by_its_own_exception) {
  using Pool = ProcessPool;
  const auto fails = [] { throw Unheard(); };
  EXPECT_EQ(text_thrown<RemoteError>([&] { Pool pool(Processes::with({.processes = 2, .initializer = fails})); }),
            "nobody knows my type");
}

// ---- values that are refused on their way ---------------------------------------------------------------------------

// `before` and `after` its number travel, too: who reads on in the middle of it gets nonsense.
template <bool kOnTheWayOut>
struct Picky {
  int number = 0;

  template <class Archive>
  void save(Archive& archive) const {
    archive(number);
    if (kOnTheWayOut && number == 13) throw std::runtime_error("13 is not written");
    archive(std::vector<int>(3, number));
  }
  template <class Archive>
  void load(Archive& archive) {
    archive(number);
    if (!kOnTheWayOut && number == 13) throw std::runtime_error("13 is not read");
    std::vector<int> more;
    archive(more);
    if (more != std::vector<int>(3, number)) number = -1;
  }
};
using Unwritable = Picky<true>;
using Unreadable = Picky<false>;

template <class T>
int take(const T& value) {
  return value.number;
}
template <class T>
T give(int number) {
  return {number};
}
template <class T>
std::vector<T> many(int end) {
  std::vector<T> all;
  for (int i = 0; i < end; ++i) all.push_back({i});
  return all;
}

// By every call, what `f` makes of item 13 of `items` is a NotSerializable with that text; the others are right, but
// for those of its chunk that might be unreadable behind it, and they say so. Where an imap chose the chunk, what is
// `sent` to a worker behind it is sent again by itself.
template <class Pool, class F, class Items, class Number>
void refuses_13(Pool& pool, F f, const Items& items, const std::string& text, Number number, bool sent) {
  EXPECT_EQ(text_thrown<NotSerializable>([&] { pool.apply(f, items[13]); }), text);
  EXPECT_EQ(text_thrown<NotSerializable>([&] { pool.apply_async(f, items[13]).get(); }), text);
  EXPECT_EQ(number(pool.apply(f, items[12])), 12);
  EXPECT_EQ(text_thrown<NotSerializable>([&] { pool.map_async(f, items).get(); }), text);
  for (const int chunksize : {0, 1, 7, 100}) {
    EXPECT_EQ(text_thrown<NotSerializable>([&] { pool.map(f, items, {.chunksize = chunksize}); }), text);
    const auto outcomes = pool.try_map(f, items, {.chunksize = chunksize});
    auto stream = pool.imap(f, items, {.chunksize = chunksize});
    for (int i = 0; i < static_cast<int>(items.size()); ++i) {
      const auto& outcome = outcomes[static_cast<std::size_t>(i)];
      const bool may_fail = chunksize == 1 ? i == 13 : i >= 13;
      if (!outcome.has_value()) {
        EXPECT_TRUE(may_fail) << i << " by " << chunksize;
        EXPECT_EQ(text_thrown<NotSerializable>([&] { static_cast<void>(outcome.value()); }), text);
      } else {
        EXPECT_EQ(number(outcome.value()), i) << i << " by " << chunksize;
        EXPECT_NE(i, 13);
      }
      try {
        const auto next = stream.next();
        ASSERT_TRUE(next);
        EXPECT_EQ(number(*next), i) << i << " by " << chunksize;
        EXPECT_NE(i, 13);
      } catch (const NotSerializable& error) {
        EXPECT_TRUE(chunksize == 0 && sent ? i == 13 : may_fail) << i << " by " << chunksize;
        EXPECT_EQ(error.what(), text);
      }
    }
  }
  EXPECT_EQ(number(pool.apply(f, items[12])), 12) << "the pool is none the worse for it";
}

TEST(ProcessTravel, an_argument_that_cannot_be_written_is_an_error_with_its_reason) {
  ProcessPool pool(Processes::with({.processes = 2}));
  refuses_13(pool, take<Unwritable>, many<Unwritable>(30), "13 is not written", [](int i) { return i; }, true);
}

TEST(ProcessTravel, an_argument_that_cannot_be_read_is_an_error_with_its_reason) {
  ProcessPool pool(Processes::with({.processes = 2}));
  refuses_13(pool, take<Unreadable>, many<Unreadable>(30), "13 is not read", [](int i) { return i; }, true);
}

TEST(ProcessTravel, a_result_that_cannot_be_written_is_an_error_with_its_reason) {
  ProcessPool pool(Processes::with({.processes = 2}));
  std::vector<int> items(30);
  std::iota(items.begin(), items.end(), 0);
  refuses_13(pool, give<Unwritable>, items, "13 is not written", take<Unwritable>, true);
}

TEST(ProcessTravel, a_result_that_cannot_be_read_is_an_error_with_its_reason) {
  ProcessPool pool(Processes::with({.processes = 2}));
  std::vector<int> items(30);
  std::iota(items.begin(), items.end(), 0);
  refuses_13(pool, give<Unreadable>, items, "13 is not read", take<Unreadable>, false);
}

TEST(ProcessTravel, what_is_bound_and_cannot_be_sent_fails_the_call) {
  ProcessPool pool(Processes::with({.processes = 2}));
  const auto add = [](const auto& fixed, int i) { return fixed.number + i; };
  const auto all = std::views::iota(0, 1000);
  EXPECT_EQ(text_thrown<NotSerializable>([&] { pool.map(muster::bind(add, Unwritable{13}), all); }),
            "13 is not written");
  EXPECT_EQ(text_thrown<NotSerializable>([&] { pool.map(muster::bind(add, Unreadable{13}), all); }), "13 is not read");
  EXPECT_EQ(text_thrown<NotSerializable>([&] { pool.apply(muster::bind(add, Unwritable{13}), 1); }),
            "13 is not written");
  EXPECT_EQ(text_thrown<NotSerializable>([&] { pool.apply(muster::bind(add, Unreadable{13}), 1); }), "13 is not read");
  for (const auto& outcome : pool.try_map(muster::bind(add, Unreadable{13}), all)) ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(pool.map(muster::bind(add, Unreadable{12}), all)[999], 1011);
  using Pool = ProcessPool;
  const auto init = [](const Unreadable&) {};
  EXPECT_EQ(text_thrown<NotSerializable>([&] {
              Pool none(Processes::with({.processes = 1, .initializer = muster::bind(init, Unreadable{13})}));
            }),
            "13 is not read");
}

// ---- functions ------------------------------------------------------------------------------------------------------

int twice(int i) { return 2 * i; }
int negated(int i) { return -i; }
int call(int (*f)(int), int i) { return f(i); }
struct Table {
  std::string name;
  std::vector<int (*)(int)> functions;
};

TEST(ProcessTravel, functions_are_arguments_like_others) {
  ProcessPool pool(Processes::with({.processes = 2}));
  EXPECT_EQ(pool.apply(call, &twice, 4), 8);
  EXPECT_EQ(pool.apply(call, negated, 4), -4);
  EXPECT_EQ(pool.apply(call, +[](int i) { return i + 1; }, 4), 5);
  EXPECT_EQ(pool.map(muster::bind(call, &negated), std::views::iota(0, 100))[99], -99);
  const std::vector<std::pair<int (*)(int), int>> pairs{{&twice, 1}, {&negated, 2}};
  EXPECT_EQ(pool.starmap(call, pairs)[1], -2);
  const auto all = [](const Table& table, int i) {
    for (const auto& f : table.functions) i = f(i);
    return i;
  };
  EXPECT_EQ(pool.apply(all, Table{"t", {&twice, &negated, &twice}}, 3), -12);
}

TEST(ProcessTravel, functions_are_results_like_others) {
  ProcessPool pool(Processes::with({.processes = 2}));
  const auto pick = [](bool first) -> int (*)(int) { return first ? &twice : &negated; };
  EXPECT_EQ(pool.apply(pick, true), &twice);
  EXPECT_EQ(pool.apply(pick, false), &negated);
  EXPECT_EQ(pool.map(pick, std::vector<bool>{true, false})[1](4), -4);
  // Of a function that only the worker has asked for, and has for its own pool.
  const auto deep = [](int i) {
    ThreadPool threads(1);
    return Table{"t", {threads.apply([](int k) { return k > 0 ? &twice : &negated; }, i)}};
  };
  EXPECT_EQ(pool.apply(deep, -1).functions.at(0)(4), -4);
}

TEST(ProcessTravel, megabytes_may_be_bound_to_a_function) {
  ProcessPool pool(Processes::with({.processes = 2}));
  std::vector<int> table(2'000'000);
  std::iota(table.begin(), table.end(), 0);
  const auto look_up = muster::bind(
      [](const std::vector<int>& all, int i) { return all.at(static_cast<std::size_t>(i) * 1999); }, table);
  const auto values = pool.map(look_up, std::views::iota(0, 1000));
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(values[static_cast<std::size_t>(i)], 1999 * i);
  int next = 0;
  for (const int value : pool.imap(look_up, std::views::iota(0, 100))) ASSERT_EQ(value, 1999 * next++);
  EXPECT_EQ(pool.apply(look_up, 7), 7 * 1999);
  auto one = pool.map_async(look_up, std::views::iota(0, 100));
  auto other = pool.map_async(muster::bind(call, &twice), std::views::iota(0, 100));
  EXPECT_EQ(one.get()[99], 99 * 1999);
  EXPECT_EQ(other.get()[99], 198);
}

// Says how often it was read in this process.
struct Counted {
  int reads = 0;
  template <class Archive>
  void save(Archive& /*archive*/) const {}
  template <class Archive>
  void load(Archive& /*archive*/) {
    static int count = 0;
    reads = ++count;
  }
};

TEST(ProcessTravel, what_is_bound_goes_to_a_worker_once_a_call) {
  ProcessPool pool(Processes::with({.processes = 1}));
  const auto reads = muster::bind([](const Counted& counted, int) { return counted.reads; }, Counted());
  for (const int count : pool.map(reads, std::views::iota(0, 100), {.chunksize = 1})) ASSERT_EQ(count, 1);
  for (const int count : pool.imap(reads, std::views::iota(0, 100))) ASSERT_EQ(count, 2);
  for (const int count : pool.imap(reads, std::views::iota(0, 100))) ASSERT_EQ(count, 3);
}

}  // namespace
}  // namespace muster::testing
