// A variable of the program, changed by tasks: among threads it is one for all, among processes each has its own.
#include <muster/pool.hpp>
#include <muster/threading.hpp>

#include <cstdio>
#include <mutex>
#include <numeric>
#include <ranges>

// visit
muster::threading::Lock lock;
long visits = 0;

long visit(int) {
  const std::scoped_lock guard(lock);  // threads need it; a process is alone with its copy
  return ++visits;
}
// end

// sum
// What is needed back is returned; then nothing is shared, and nothing needs a lock.
long count(int block) {
  long found = 0;
  for (int i = 1000 * block; i < 1000 * (block + 1); ++i) found += i % 7 == 0 ? 1 : 0;
  return found;
}
// end

int main(int argc, char** argv) {
  muster::init(argc, argv);

  // threads
  muster::ThreadPool threads(2);
  threads.map(visit, std::views::iota(0, 1000));
  std::printf("after 1000 visits by threads:   %ld\n", visits);
  // end

  // processes
  visits = 0;
  muster::ProcessPool processes(2);
  processes.map(visit, std::views::iota(0, 1000));
  std::printf("after 1000 visits by processes: %ld\n", visits);
  // end

  // one
  muster::ProcessPool one(1);
  one.map(visit, std::views::iota(0, 1000));
  std::printf("and in the worker itself:       %ld\n", one.apply(visit, 0) - 1);
  // end

  // returned
  const auto found = processes.map(count, std::views::iota(0, 100));
  std::printf("added up from what they return: %ld\n", std::accumulate(found.begin(), found.end(), 0L));
  // end
}
