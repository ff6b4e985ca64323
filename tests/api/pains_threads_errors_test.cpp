// What users of other pools of threads suffer from, and that it is cured here: exceptions that get lost, or poison the
// pool. See pains_threads_test.cpp.

#include <gtest/gtest.h>
#include <muster/thread_pool.hpp>

#include <cstddef>
#include <exception>
#include <latch>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/leaks.hpp"

namespace muster::testing {
namespace {

// ---- 20: exceptions are lost, or poison the pool ----

template <class Call>
std::exception_ptr thrown_by(const Call& call) {
  try {
    call();
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

// Each of them runs a task while all others do.
void expect_all_workers_work(ThreadPool& pool) {
  std::latch all(pool.processes());
  std::vector<AsyncResult<void>> results;
  for (int i = 0; i < pool.processes(); ++i) results.push_back(pool.apply_async([&all] { all.arrive_and_wait(); }));
  for (const auto& result : results) result.get();
  EXPECT_EQ(pool.map([](int i) { return i; }, std::views::iota(0, 100))[99], 99);
}

constexpr int kItems = 40;
constexpr int kFirst = 7;  // the first item that fails, and the second
constexpr int kSecond = 23;

// Items 7 and 23 fail by `fail(item)`, in every call; `check(exception, item)` must find all that was thrown.
template <class Fail, class Check>
void fail_in_every_call(const Fail& fail, const Check& check) {
  ThreadPool pool(3);
  const auto run = [&fail](int i) {
    if (i == kFirst || i == kSecond) fail(i);
    return i;
  };
  const auto items = std::views::iota(0, kItems);
  std::vector<int> into(kItems);
  const auto expect = [&](const char* call, const std::exception_ptr& thrown, int item) {
    SCOPED_TRACE(call);
    ASSERT_NE(thrown, nullptr);
    check(thrown, item);
    expect_all_workers_work(pool);
  };
  for (int round = 0; round < 20; ++round) {
    expect("apply", thrown_by([&] { pool.apply(run, kSecond); }), kSecond);
    expect("apply_async", thrown_by([&] { pool.apply_async(run, kFirst).get(); }), kFirst);
    expect("map", thrown_by([&] { pool.map(run, items); }), kFirst);
    expect("map by ones", thrown_by([&] { pool.map(run, items, {.chunksize = 1}); }), kFirst);
    expect("map_into", thrown_by([&] { pool.map_into(run, items, into); }), kFirst);
    expect("map_async", thrown_by([&] { pool.map_async(run, items).get(); }), kFirst);
    pool.post(run, kSecond);
    expect("post and wait_all", thrown_by([&] { pool.wait_all(); }), kSecond);
    EXPECT_EQ(thrown_by([&] { pool.wait_all(); }), nullptr) << "it is told once";

    const auto outcomes = pool.try_map(run, items);
    auto stream = pool.imap(run, items);
    for (int i = 0; i < kItems; ++i) {
      const Outcome<int>& outcome = outcomes[static_cast<std::size_t>(i)];
      std::optional<int> value;
      const std::exception_ptr thrown = thrown_by([&] { value = stream.next(); });
      if (i == kFirst || i == kSecond) {
        expect("try_map", outcome.error(), i);
        expect("imap", thrown, i);
      } else {
        EXPECT_EQ(outcome.value(), i);
        EXPECT_EQ(value, i);
      }
    }
    int failed = 0;
    auto unordered = pool.imap_unordered(run, items);
    for (int i = 0; i < kItems; ++i) failed += thrown_by([&] { unordered.next(); }) != nullptr ? 1 : 0;
    EXPECT_EQ(failed, 2);
  }
}

class OutOfPaper : public std::runtime_error {
 public:
  OutOfPaper(int page, std::shared_ptr<const std::string> tray)
      : std::runtime_error("out of paper at page " + std::to_string(page)), page_(page), tray_(std::move(tray)) {}
  int page() const noexcept { return page_; }
  const std::shared_ptr<const std::string>& tray() const noexcept { return tray_; }

 private:
  int page_;
  std::shared_ptr<const std::string> tray_;
};

TEST(PainsOfThreads, pain_20_an_exception_keeps_its_type_text_fields_and_place_in_every_call) {
  const auto tray = std::make_shared<const std::string>("A4");
  fail_in_every_call([&tray](int item) { throw OutOfPaper(item, tray); },
                     [&tray](const std::exception_ptr& thrown, int item) {
                       try {
                         std::rethrow_exception(thrown);
                       } catch (const OutOfPaper& error) {
                         EXPECT_EQ(error.what(), "out of paper at page " + std::to_string(item));
                         EXPECT_EQ(error.page(), item);
                         EXPECT_EQ(error.tray(), tray) << "the very object";
                       }
                     });
  EXPECT_EQ(tray.use_count(), 1) << "no exception is kept when all is over";
}

TEST(PainsOfThreads, pain_20_nested_exceptions_arrive_whole) {
  const auto fail = [](int item) {
    try {
      try {
        throw std::out_of_range("page " + std::to_string(item));
      } catch (...) {
        std::throw_with_nested(OutOfPaper(item, nullptr));
      }
    } catch (...) {
      std::throw_with_nested(std::logic_error("printing"));
    }
  };
  fail_in_every_call(fail, [](const std::exception_ptr& thrown, int item) {
    std::vector<std::string> texts;
    const auto tell = [&texts](const auto& self, const std::exception_ptr& one) -> void {
      try {
        std::rethrow_exception(one);
      } catch (const std::exception& error) {
        texts.emplace_back(error.what());
        if (const std::exception_ptr inner = thrown_by([&] { std::rethrow_if_nested(error); })) self(self, inner);
      }
    };
    tell(tell, thrown);
    const std::string number = std::to_string(item);
    EXPECT_EQ(texts, (std::vector<std::string>{"printing", "out of paper at page " + number, "page " + number}));
  });
}

TEST(PainsOfThreads, pain_20_what_is_no_std_exception_arrives_with_its_value) {
  fail_in_every_call([](int item) { throw item; },
                     [](const std::exception_ptr& thrown, int item) {
                       try {
                         std::rethrow_exception(thrown);
                       } catch (const int number) {
                         EXPECT_EQ(number, item);
                       }
                     });
}

TEST(PainsOfThreads, pain_20_the_index_of_what_failed_is_told) {
  ThreadPool pool(3);
  const auto fails_twice = [](int i) { return i == 700 || i == 800 ? throw std::domain_error("no") : i; };
  for (int round = 0; round < 20; ++round) {
    std::size_t at = 0;
    EXPECT_THROW(pool.map(fails_twice, std::views::iota(0, 1000), {.chunksize = 3, .failed_index = &at}),
                 std::domain_error);
    ASSERT_EQ(at, 700U);
    std::vector<int> out(1000);
    EXPECT_THROW(pool.map_into(fails_twice, std::views::iota(1, 1001), out, {.failed_index = &(at = 0)}),
                 std::domain_error);
    ASSERT_EQ(at, 699U);
    const auto later = pool.map_async(fails_twice, std::views::iota(2, 1002), {.failed_index = &(at = 0)});
    EXPECT_THROW(later.get(), std::domain_error);
    ASSERT_EQ(at, 698U);
  }
  std::size_t at = 12345;
  EXPECT_EQ(pool.map([](int i) { return i; }, {1, 2}, {.failed_index = &at}).size(), 2U);
  EXPECT_EQ(at, 12345U);
}

}  // namespace
}  // namespace muster::testing
