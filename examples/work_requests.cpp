// Work requests: what Python's package threadpool does.
#include <muster/threadpool.hpp>

#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace threadpool = muster::threadpool;

// greet
std::string greet(const std::string& name) { return "hello " + name; }
// end

// page
using Named = std::map<std::string, std::string>;

std::string page(int number, const Named& named) {
  return named.at("title") + ", page " + std::to_string(number) + " of " + named.at("pages");
}
// end

void single_values() {
  // pool
  threadpool::ThreadPool pool(1);  // one worker, so that the lines come in order
  auto requests = threadpool::make_requests(
      greet, std::vector<std::string>{"ann", "bob"},
      [](const threadpool::WorkRequest&, const std::string& result) { std::puts(result.c_str()); });
  for (auto& request : requests) pool.put_request(request);
  pool.wait();
  // end
}

void several_arguments() {
  threadpool::ThreadPool pool(1);
  const auto print = [](const threadpool::WorkRequest&, const std::string& result) { std::puts(result.c_str()); };
  // tuples
  const auto minus = [](int m, int n, int o) { return std::to_string(m - n - o); };
  const std::vector<std::tuple<int, int, int>> spread{{9, 2, 1}, {8, 3, 2}};
  for (auto& request : threadpool::make_requests(minus, spread, print)) pool.put_request(request);
  pool.wait();
  // end
  // named
  const std::vector<std::pair<std::tuple<int>, Named>> both{{{1}, {{"title", "Threads"}, {"pages", "9"}}},
                                                            {{2}, {{"title", "Locks"}, {"pages", "4"}}}};
  for (auto& request : threadpool::make_requests(page, both, print)) pool.put_request(request);
  pool.wait();
  // end
}

void one_request() {
  threadpool::ThreadPool pool(1);
  // request
  const threadpool::WorkRequest request(page, std::tuple(3), Named{{"title", "Queues"}, {"pages", "7"}}, "queues-3",
                                        [](const threadpool::WorkRequest& of, const std::string& result) {
                                          std::printf("%s: %s\n", of.request_id().c_str(), result.c_str());
                                        });
  pool.put_request(request);
  try {
    pool.put_request(request);
  } catch (const muster::ValueError& error) {
    std::puts(error.what());
  }
  pool.wait();
  pool.put_request(request);  // it has been handed out, and may go again
  pool.wait();
  // end
}

void failures() {
  threadpool::ThreadPool pool(1);
  // failure
  const auto half = [](int i) {
    if (i % 2 != 0) throw std::domain_error(std::to_string(i) + " is odd");
    return i / 2;
  };
  auto requests = threadpool::make_requests(
      half, {4, 5}, [](const threadpool::WorkRequest&, int result) { std::printf("half: %d\n", result); },
      [](const threadpool::WorkRequest& request, const std::exception& error) {
        std::printf("failed (%d): %s\n", request.exception(), error.what());
      });
  for (auto& request : requests) pool.put_request(request);
  pool.wait();
  // end
  // throwing callback
  auto refused = threadpool::make_requests(half, {2, 4}, [](const threadpool::WorkRequest&, int result) {
    if (result == 1) throw std::range_error("too small");
    std::printf("taken: %d\n", result);
  });
  for (auto& request : refused) pool.put_request(request);
  try {
    pool.wait();
  } catch (const std::range_error& error) {
    std::printf("from a callback: %s\n", error.what());
  }
  pool.wait();  // nothing is lost: the next one
  // end
}

void polling() {
  // poll
  threadpool::ThreadPool pool(2);
  int done = 0;
  const auto count = [&done](const threadpool::WorkRequest&, int) { ++done; };  // runs in this thread: no atomic
  for (auto& request : threadpool::make_requests([](int i) { return i * i; }, {1, 2, 3, 4}, count)) {
    pool.put_request(request);
  }
  try {
    for (;;) pool.poll();  // between two polls a program does something else
  } catch (const threadpool::NoResultsPending&) {
    std::printf("all %d done\n", done);
  }
  // end
  // workers
  pool.create_workers(3);
  std::printf("workers: %zu\n", pool.workers());
  pool.dismiss_workers(5);
  pool.join_all_dismissed_workers();
  pool.put_request(threadpool::WorkRequest(greet, std::tuple("nobody")));
  try {
    pool.wait();
  } catch (const threadpool::NoWorkersAvailable& error) {
    std::puts(error.what());
  }
  // end
}

void full_queue() {
  // full
  threadpool::ThreadPool pool(0, 1);  // no workers yet, and a queue for one
  pool.put_request(threadpool::WorkRequest(greet, std::tuple("ann")));
  try {
    pool.put_request(threadpool::WorkRequest(greet, std::tuple("bob")), /*block=*/false);
  } catch (const threadpool::Full& error) {
    std::puts(error.what());
  }
  // end
}

int main() {
  single_values();
  several_arguments();
  one_request();
  failures();
  polling();
  full_queue();
}
