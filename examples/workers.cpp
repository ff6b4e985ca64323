// What a pool does with its workers: an initializer in each, and a fresh one after so many tasks.
#include <muster/pool.hpp>

#include <atomic>
#include <cstdio>
#include <stdexcept>

// initializer
thread_local long connection = 0;  // what each worker has of its own

void connect(long server) { connection = server; }
long query(int i) { return connection + i; }
// end

int main() {
  // options
  muster::ThreadPool pool({.processes = 2, .initializer = muster::bind(connect, 1000L)});
  const auto answers = pool.map(query, {1, 2, 3});
  std::printf("%d workers: %ld %ld %ld\n", pool.processes(), answers[0], answers[1], answers[2]);
  // end

  // failing
  try {
    const muster::ThreadPool broken({.processes = 2, .initializer = [] { throw std::runtime_error("no server"); }});
  } catch (const std::runtime_error& error) {
    std::printf("no pool: %s\n", error.what());
  }
  // end

  // maxtasksperchild
  std::atomic<int> started{0};
  muster::ThreadPool short_lived({.processes = 1, .initializer = [&started] { ++started; }, .maxtasksperchild = 10});
  for (int i = 0; i < 95; ++i) short_lived.apply(query, i);
  short_lived.close();
  short_lived.join();
  std::printf("95 tasks, at most 10 a worker: %d workers, one after another\n", started.load());
  // end
}
