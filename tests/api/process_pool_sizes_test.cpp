// Arguments, results and exceptions of every size: around the limits of records and rings, and far beyond them.

#include <sys/resource.h>

#include <cstdint>
#include <new>
#include <ranges>
#include <stdexcept>

#include <muster/exception.hpp>

#include "tests/api/process_pool.hpp"

namespace muster::testing {
namespace {

// Bytes that are different everywhere.
std::string filled(std::size_t size) {
  std::string text(size, '\0');
  std::uint64_t state = size + 1;
  for (char& c : text) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    c = static_cast<char>('!' + (state >> 33U) % 90);
  }
  return text;
}
bool is_filled(const std::string& text) { return text == filled(text.size()); }

// Its size if every byte of it has arrived.
std::size_t weigh(const std::string& text) { return is_filled(text) ? text.size() : SIZE_MAX; }
std::string answer(const std::string& text) {
  if (!is_filled(text)) throw std::logic_error("damaged on the way there");
  return text;
}
std::string fail(std::size_t size) { throw std::runtime_error(filled(size)); }

struct Heavy : std::exception {
  std::string load;
  Heavy() = default;
  explicit Heavy(std::size_t size) : load(filled(size)) {}
  template <class Archive>
  void serialize(Archive& archive) {
    archive(load);
  }
};
const bool kHeavyKnown = register_exception<Heavy>();
std::string fail_heavily(std::size_t size) { throw Heavy(size); }

// Where something changes: inline records, the rings, and parts of them; with heads in front.
std::vector<std::size_t> borders() {
  std::vector<std::size_t> sizes{0, 1, 7, 8, 15, 16, 1000};
  for (const std::size_t border : {1024U, 16384U, 32768U, 65536U, 131072U, 262144U}) {
    for (std::size_t size = border - 72; size <= border + 8; size += size + 10 > border ? 1 : 8) sizes.push_back(size);
  }
  return sizes;
}

TEST(ProcessSizes, results_around_all_borders) {
  ProcessPool pool(Processes::with({.processes = 2}));
  for (const std::size_t size : borders()) {
    const std::string text = pool.apply(filled, size);
    ASSERT_EQ(text.size(), size);
    ASSERT_TRUE(is_filled(text)) << size;
  }
}

TEST(ProcessSizes, arguments_around_all_borders) {
  ProcessPool pool(Processes::with({.processes = 2}));
  for (const std::size_t size : borders()) ASSERT_EQ(pool.apply(weigh, filled(size)), size);
}

TEST(ProcessSizes, exceptions_around_all_borders) {
  ProcessPool pool(Processes::with({.processes = 2}));
  ASSERT_TRUE(kHeavyKnown);
  for (const std::size_t size : borders()) {
    ASSERT_TRUE(text_thrown<std::runtime_error>([&] { pool.apply(fail, size); }) == filled(size)) << size;
    try {
      pool.apply(fail_heavily, size);
      FAIL() << "nothing was thrown";
    } catch (const Heavy& heavy) {
      ASSERT_TRUE(heavy.load == filled(size)) << size;
    }
  }
}

TEST(ProcessSizes, all_sizes_at_once_and_in_any_order) {
  ProcessPool pool(Processes::with({.processes = 3}));
  std::vector<std::string> texts;
  for (const std::size_t size : borders()) texts.push_back(filled(size * 7919 % 262'300));
  std::vector<AsyncResult<std::string>> results;
  results.reserve(texts.size());
  for (const std::string& text : texts) results.push_back(pool.apply_async(answer, text));
  for (std::size_t i = 0; i < texts.size(); ++i) ASSERT_TRUE(results[i].get() == texts[i]) << texts[i].size();
  for (const int chunksize : {0, 1, 5, 1000}) {
    const auto answers = pool.map(answer, texts, {.chunksize = chunksize});
    for (std::size_t i = 0; i < texts.size(); ++i) ASSERT_TRUE(answers[i] == texts[i]) << texts[i].size();
    std::size_t next = 0;
    for (const std::string& text : pool.imap(answer, texts, {.chunksize = chunksize})) {
      ASSERT_TRUE(text == texts[next]) << texts[next].size();
      ++next;
    }
    ASSERT_EQ(next, texts.size());
  }
}

TEST(ProcessSizes, chunks_of_items_of_one_size_around_all_borders) {
  ProcessPool pool(Processes::with({.processes = 2}));
  for (const std::size_t size : {0U, 1U, 100U, 1000U, 5460U, 8190U, 16383U, 16384U, 16385U, 20000U}) {
    const std::vector<std::size_t> sizes(40, size);
    for (const std::string& text : pool.map(filled, sizes, {.chunksize = 20})) ASSERT_EQ(weigh(text), size);
    const auto outcomes = pool.try_map(fail, sizes, {.chunksize = 20});
    for (const auto& outcome : outcomes) {
      ASSERT_EQ(weigh(text_thrown<std::runtime_error>([&] { static_cast<void>(outcome.value()); })), size);
    }
  }
}

TEST(ProcessSizes, plain_items_and_results_in_chunks_of_every_size) {
  ProcessPool pool(Processes::with({.processes = 2}));
  std::vector<std::array<int, 3>> items;
  for (int i = 0; i < 20'000; ++i) items.push_back({i, -i, 2 * i});
  const auto last = [](const std::array<int, 3>& item) { return item[2]; };
  for (const int chunksize : {0, 1365, 1366, 2730, 4096, 20'000}) {
    const auto values = pool.map(last, items, {.chunksize = chunksize});
    for (int i = 0; i < 20'000; ++i) ASSERT_EQ(values[static_cast<std::size_t>(i)], 2 * i) << chunksize;
  }
}

TEST(ProcessSizes, megabytes_travel_both_ways) {
  ProcessPool pool(Processes::with({.processes = 2}));
  constexpr std::size_t kMegabyte = std::size_t{1} << 20U;
  for (const std::size_t size : {kMegabyte - 1, kMegabyte, 5 * kMegabyte + 3, 64 * kMegabyte}) {
    const std::string text = filled(size);
    ASSERT_EQ(pool.apply(weigh, text), size);
    ASSERT_TRUE(pool.apply(filled, size) == text);
  }
  try {
    pool.apply(fail_heavily, 20 * kMegabyte);
    FAIL() << "nothing was thrown";
  } catch (const Heavy& heavy) {
    EXPECT_EQ(weigh(heavy.load), 20 * kMegabyte);
  }
  EXPECT_EQ(text_thrown<std::runtime_error>([&] { pool.apply(fail, 3 * kMegabyte); }).substr(0, kMegabyte),
            filled(3 * kMegabyte).substr(0, kMegabyte))
      << "the text of an exception may be cut";
  std::vector<AsyncResult<std::string>> results;
  for (int i = 0; i < 12; ++i) results.push_back(pool.apply_async(filled, 3 * kMegabyte));
  for (const auto& result : results) ASSERT_EQ(weigh(result.get()), 3 * kMegabyte);
}

void limit_memory(std::size_t more) {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t limit = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + more;
  const rlimit both{limit, limit};
  if (setrlimit(RLIMIT_AS, &both) != 0) throw_errno("setrlimit");
}

TEST(ProcessSizes, a_result_too_large_for_its_worker_is_a_bad_alloc) {
  if (sanitized()) GTEST_SKIP() << "the sanitizer ends a process that has no memory";
  constexpr std::size_t kMegabyte = std::size_t{1} << 20U;
  ProcessPool pool(Processes::with({.processes = 1, .initializer = muster::bind(limit_memory, 100 * kMegabyte)}));
  const int pid = all_pids(pool).at(0);
  const auto blank = [](std::size_t size) { return std::string(size, 'x'); };
  EXPECT_THROW(pool.apply(blank, 60 * kMegabyte), std::bad_alloc) << "there is room for it but not for its copy";
  EXPECT_THROW(pool.apply(blank, 200 * kMegabyte), std::bad_alloc);
  EXPECT_THROW(pool.map(blank, std::vector{std::size_t{5}, 60 * kMegabyte}), std::bad_alloc);
  EXPECT_EQ(pool.apply(blank, kMegabyte).size(), kMegabyte);
  EXPECT_EQ(all_pids(pool).at(0), pid) << "and the worker lives";
}

}  // namespace
}  // namespace muster::testing
