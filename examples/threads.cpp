// Threads: started, named, waited for; a class of one's own; one that prints at a time; a pipeline.
#include <muster/threading.hpp>

#include <chrono>
#include <cstdio>
#include <deque>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>

namespace threading = muster::threading;
using namespace std::chrono_literals;

// count
void count_to(int n, int& sum) {
  for (int i = 1; i <= n; ++i) sum += i;
}

void two_that_count() {
  int small = 0;
  int large = 0;
  threading::Thread one(count_to, 23, std::ref(small));
  threading::Thread two(count_to, 34, std::ref(large));
  one.start();
  two.start();
  one.join();  // waits until it has ended
  two.join();
  std::printf("counted to %d and %d\n", small, large);
}
// end

// subclass
class Doubler : public threading::Thread {
 public:
  explicit Doubler(int number) : number_(number) {}
  ~Doubler() override {
    if (is_alive()) join();  // run() uses what is about to go
  }
  int result() const { return result_; }

 protected:
  void run() override { result_ = 2 * number_; }

 private:
  int number_;
  int result_ = 0;
};
// end

void a_class_of_its_own() {
  // doubler
  Doubler doubler(56);
  doubler.start();
  doubler.join();
  std::printf("twice 56 is %d\n", doubler.result());
  // end
}

void names() {
  // names
  threading::Event go;
  threading::Thread waiter({.name = "waiter"}, [&go] { go.wait(); });
  waiter.start();
  for (const auto& thread : threading::enumerate()) std::printf("%s lives\n", thread.name().c_str());
  std::printf("ended in time: %s\n", waiter.join(20ms) ? "yes" : "no");
  go.set();
  std::printf("ended in time: %s\n", waiter.join(10s) ? "yes" : "no");
  std::printf("%zu left\n", threading::active_count());
  // end
}

// print
threading::Lock one_at_a_time;

void print_three_lines(const std::string& name) {
  const std::scoped_lock guard(one_at_a_time);  // one_at_a_time.acquire() ... release()
  for (int line = 1; line <= 3; ++line) std::printf("%s, line %d\n", name.c_str(), line);
}
// end

void lines_that_stay_together() {
  threading::Thread first(print_three_lines, "first");
  threading::Thread second(print_three_lines, "second");
  first.start();
  first.join();
  second.start();
  second.join();
}

// queue
class Queue {
 public:
  explicit Queue(std::size_t most) : most_(most) {}

  void put(int item) {
    const std::scoped_lock hold(lock_);
    not_full_.wait_for([this] { return items_.size() < most_; });
    items_.push_back(item);
    not_empty_.notify();
  }
  int get() {
    const std::scoped_lock hold(lock_);
    not_empty_.wait_for([this] { return !items_.empty(); });
    const int item = items_.front();
    items_.pop_front();
    not_full_.notify();
    return item;
  }

 private:
  const std::size_t most_;
  threading::Lock lock_;  // one lock, two reasons to wait
  threading::Condition not_full_{lock_};
  threading::Condition not_empty_{lock_};
  std::deque<int> items_;
};
// end

void a_pipeline() {
  // pipeline
  constexpr int kEnd = -1;
  Queue numbers(2);
  Queue squares(2);
  long sum = 0;
  threading::Thread squarer([&] {
    for (int i = numbers.get(); i != kEnd; i = numbers.get()) squares.put(i * i);
    squares.put(kEnd);
  });
  threading::Thread adder([&] {
    for (int i = squares.get(); i != kEnd; i = squares.get()) sum += i;
  });
  squarer.start();
  adder.start();
  for (int i = 1; i <= 100; ++i) numbers.put(i);
  numbers.put(kEnd);
  squarer.join();
  adder.join();
  std::printf("the squares of 1 to 100 are %ld together\n", sum);
  // end
}

void others() {
  // stop
  threading::Thread patient([](const std::stop_token& stop) {
    while (!stop.stop_requested()) threading::Event().wait(1ms);
  });
  patient.start();
  patient.request_stop();  // its destructor would ask it, too, and join
  patient.join();
  // end
  // timer
  threading::Timer late(1h, [] { std::puts("never"); });
  late.start();
  late.cancel();
  late.join();
  threading::Timer soon(1ms, [] { std::puts("the timer rings"); });
  soon.start();
  soon.join();
  // end
  // failure
  const auto before = threading::set_excepthook([](const threading::ExceptHookArgs& failed) {
    std::printf("%s: %s\n", failed.thread.name().c_str(), failed.text.c_str());
  });
  threading::Thread failing({.name = "careless"}, [] { throw std::runtime_error("no more paper"); });
  failing.start();
  failing.join();  // the program goes on
  threading::set_excepthook(before);
  // end
}

int main() {
  two_that_count();
  a_class_of_its_own();
  names();
  lines_that_stay_together();
  a_pipeline();
  others();
}
