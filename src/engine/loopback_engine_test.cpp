// The contract of engine.hpp, served by an engine that shares no memory with its worker: a forked child to which only
// bytes go, and from which only bytes come back. It never calls TaskType::run or Loop::run. What the front would write,
// a codec for each kind of task and loop, stands at the end, with the tests.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "engine/engine.hpp"

namespace muster::engine {
namespace {

using detail::Entry;
using detail::kForever;
using detail::Outcome;
using detail::Payload;
using Bytes = std::vector<std::byte>;

// What an Entry's function is on the worker's side: false is an exception, whose bytes are in `out`.
using Trampoline = bool (*)(std::span<const std::byte> in, Bytes& out);

struct Header {  // of a frame, either way
  std::uint64_t id;
  Trampoline code;  // same program, same address
  Outcome::Tag tag;
};

void append(Bytes& to, std::span<const std::byte> bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

// ---- the worker -----------------------------------------------------------------------------------------------------

int g_answers = 1;  // to each task

[[noreturn]] void serve(int channel) {
  Bytes frame(65'536);
  for (;;) {
    const ssize_t size = recv(channel, frame.data(), frame.size(), 0);
    if (size < static_cast<ssize_t>(sizeof(Header))) _exit(0);
    Header header;
    std::memcpy(&header, frame.data(), sizeof header);
    Bytes out;
    const auto in = std::span<const std::byte>(frame).first(static_cast<std::size_t>(size)).subspan(sizeof header);
    header.tag = header.code(in, out) ? Outcome::Tag::kValue : Outcome::Tag::kException;
    Bytes answer;
    append(answer, std::as_bytes(std::span(&header, 1)));
    append(answer, out);
    for (int i = 0; i < g_answers; ++i) send(channel, answer.data(), answer.size(), MSG_NOSIGNAL);
  }
}

// ---- the engine -----------------------------------------------------------------------------------------------------

class LoopbackEngine final : public Engine {
 public:
  LoopbackEngine() {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()), 0);
    worker_ = fork();
    if (worker_ == 0) {
      close_end(ends[0]);
      serve(ends[1]);
    }
    close_end(ends[1]);
    channel_ = ends[0];
    receiver_ = std::thread([this] { receive(); });
  }
  ~LoopbackEngine() override {
    terminate();
    drain(kForever);
    stop();
  }

  Capabilities capabilities() const noexcept override { return {.shares_memory = false, .can_kill = true}; }
  int workers() const noexcept override { return 1; }

  bool submit(Task& task, const Terms& terms) override {
    const std::lock_guard guard(lock_);
    if (!accepts(terms)) return false;
    task.home = this;
    task.state.fetch_or(Task::kBound);  // no other thread can run it
    ++unsettled_;
    if (task.type->loop != nullptr) {
      queue_.push_back({.task = &task, .loop = task.type->loop(task)});
    } else {
      queue_.push_back({.task = &task});
    }
    pump();
    return true;
  }

  bool run(Loop& loop, const Terms& terms) override {
    std::unique_lock guard(lock_);
    if (!accepts(terms)) return false;
    ++unsettled_;
    bool over = false;
    queue_.push_back({.loop = &loop, .over = &over});
    pump();
    changed_.wait(guard, [&] { return over; });
    return true;
  }

  // Nobody runs inside this engine's tasks here, and a bound task is never lent.
  Wait wait(Task& task, Nanos deadline, bool (*interrupt)()) override {
    const auto end = detail::await_bits(task.state, Task::kDone, deadline, detail::Scope::kPrivate, interrupt);
    return end == detail::Await::kReady ? Wait::kDone : Wait::kTimedOut;
  }
  void lend(Task& task) override { withdraw(task); }
  void withdraw(Task& task) override {
    task.type->drop(task, nullptr);
    settled();
  }

  void close() override {
    const std::lock_guard guard(lock_);
    closed_ = true;
  }
  void terminate() override {
    std::unique_lock guard(lock_);
    closed_ = true;
    terminated_ = true;
    drop_queued(guard);
  }
  bool drain(Nanos /*deadline*/) override {
    std::unique_lock guard(lock_);
    changed_.wait(guard, [&] { return unsettled_ == 0; });
    return true;
  }
  void stop() override {
    if (channel_ < 0) return;
    shutdown(channel_, SHUT_RDWR);
    receiver_.join();
    close_end(std::exchange(channel_, -1));
    waitpid(worker_, nullptr, 0);
  }
  void abandon(std::shared_ptr<void> /*self*/) override { terminate(); }

  bool inside() const noexcept override { return false; }
  std::vector<const std::type_info*> running() const override { return {}; }
  std::exception_ptr failure() const override { return nullptr; }

 private:
  static constexpr std::size_t kWindow = 2;  // frames on their way

  struct Item {
    Task* task = nullptr;
    Loop* loop = nullptr;
    bool* over = nullptr;   // where the caller of run() waits
    std::size_t begin = 0;  // of a loop: what comes next; of a chunk: the chunk
    std::size_t end = 0;
  };

  static void close_end(int descriptor) { ::close(descriptor); }
  bool accepts(const Terms& terms) const { return !lost_ && !terminated_ && (!closed_ || terms.follow_up); }

  void settled() {
    const std::lock_guard guard(lock_);
    --unsettled_;
    changed_.notify_all();
  }

  // Under the lock, as what follows.
  void pump() {
    while (sent_.size() < kWindow && !queue_.empty()) {
      Item& item = queue_.front();
      if (item.loop != nullptr) {
        pump_loop(item);
      } else {
        Task& task = *item.task;
        queue_.pop_front();
        if (task.type->claimable && !task.begin()) {
          task.release();
          continue;
        }
        Payload payload;
        task.type->codec->pack(task, payload);
        send_frame(task.type->codec->entry(task), payload, {.task = &task});
      }
    }
  }

  // The engine cuts the range itself.
  void pump_loop(Item& item) {
    Loop& loop = *item.loop;
    if (item.begin == 0 && item.task != nullptr && item.task->type->claimable && !item.task->begin()) {
      item.task->release();
      queue_.pop_front();
      return;
    }
    const std::size_t begin = item.begin;
    if (begin >= loop.size || loop.stopped) {
      loop.handed = begin;
      const Item whole = item;
      queue_.pop_front();
      if (chunks_[whole.loop] == 0)
        end_loop(whole);
      else
        ending_[whole.loop] = whole;
      return;
    }
    const std::size_t end = begin + std::min(loop.size - begin, loop.chunk > 0 ? loop.chunk : std::size_t{16});
    item.begin = end;
    ++chunks_[&loop];
    Payload payload;
    loop.codec->pack(loop, begin, end, payload);
    send_frame(loop.codec->entry(loop), payload, {.loop = &loop, .begin = begin, .end = end});
  }

  void end_loop(const Item& whole) {
    chunks_.erase(whole.loop);
    ending_.erase(whole.loop);
    if (whole.over != nullptr) *whole.over = true;
    if (whole.task != nullptr) {
      whole.loop->finish(*whole.loop);
      whole.task->release();
    }
    --unsettled_;
    changed_.notify_all();
  }

  void send_frame(const Entry& entry, Payload& payload, const Item& item) {
    const Header header{next_++, reinterpret_cast<Trampoline>(entry.function), Outcome::Tag::kValue};
    Bytes frame;
    append(frame, std::as_bytes(std::span(&header, 1)));
    for (const auto& piece : payload.pieces) append(frame, piece);
    if (payload.release != nullptr) payload.release(payload.owner);
    sent_[header.id] = item;
    send(channel_, frame.data(), frame.size(), MSG_NOSIGNAL);  // a failure is seen by the receiver
  }

  void receive() {
    Bytes frame(65'536);
    for (;;) {
      const ssize_t size = recv(channel_, frame.data(), frame.size(), 0);
      if (size < static_cast<ssize_t>(sizeof(Header))) break;
      Header header;
      std::memcpy(&header, frame.data(), sizeof header);
      const auto bytes = std::span<const std::byte>(frame).first(static_cast<std::size_t>(size));
      arrived(header.id, {.tag = header.tag, .bytes = bytes.subspan(sizeof header)});
    }
    lose_worker();
  }

  void arrived(std::uint64_t id, const Outcome& outcome) {
    std::unique_lock guard(lock_);
    const auto found = sent_.find(id);
    if (found == sent_.end()) return;  // a second outcome
    const Item item = found->second;
    sent_.erase(found);
    settle(guard, item, outcome);
    pump();
  }

  void settle(std::unique_lock<std::mutex>& guard, const Item& item, const Outcome& outcome) {
    guard.unlock();  // settling calls into the front
    if (item.task != nullptr) {
      item.task->type->codec->settle(*item.task, outcome);
      item.task->release();
    } else {
      item.loop->codec->settle(*item.loop, item.begin, item.end, outcome);
    }
    guard.lock();
    if (item.task != nullptr) {
      --unsettled_;
    } else if (--chunks_[item.loop] == 0 && ending_.contains(item.loop)) {
      end_loop(Item(ending_[item.loop]));
    }
    changed_.notify_all();
  }

  void lose_worker() {
    std::unique_lock guard(lock_);
    lost_ = true;
    while (!sent_.empty()) {
      const Item item = sent_.begin()->second;
      sent_.erase(sent_.begin());
      settle(guard, item, {.tag = Outcome::Tag::kLost, .bytes = {}});
    }
    drop_queued(guard);
  }

  void drop_queued(std::unique_lock<std::mutex>& guard) {
    while (!queue_.empty()) {
      const Item item = queue_.front();
      if (item.loop != nullptr && (item.begin > 0 || item.task == nullptr)) {
        item.loop->stopped = true;
        pump_loop(queue_.front());
        continue;
      }
      queue_.pop_front();
      if (!item.task->type->claimable || item.task->begin()) {
        guard.unlock();
        item.task->type->drop(*item.task, nullptr);
        guard.lock();
        --unsettled_;
      }
      item.task->release();
      changed_.notify_all();
    }
  }

  std::mutex lock_;
  std::condition_variable changed_;
  std::deque<Item> queue_;
  std::map<std::uint64_t, Item> sent_;
  std::map<Loop*, std::size_t> chunks_;  // on their way
  std::map<Loop*, Item> ending_;         // handed out in full
  std::size_t unsettled_ = 0;
  std::uint64_t next_ = 0;
  bool closed_ = false;
  bool terminated_ = false;
  bool lost_ = false;
  int channel_ = -1;
  pid_t worker_ = -1;
  std::thread receiver_;
};

// ---- what a front writes: a call with arguments, and a loop over a vector -------------------------------------------

template <class T>
T read(std::span<const std::byte> bytes, std::size_t at = 0) {
  T value;
  std::memcpy(&value, bytes.data() + at * sizeof(T), sizeof value);
  return value;
}

Entry entry_of(Trampoline code) { return {.function = reinterpret_cast<void (*)()>(code), .name = nullptr}; }

bool add(std::span<const std::byte> in, Bytes& out) {
  const int sum = read<int>(in) + read<int>(in, 1);
  append(out, std::as_bytes(std::span(&sum, 1)));
  return true;
}
bool fail(std::span<const std::byte> in, Bytes& out) {
  append(out, in);
  return false;
}
bool die(std::span<const std::byte> /*in*/, Bytes& /*out*/) { _exit(1); }
bool answer_twice(std::span<const std::byte> in, Bytes& out) {
  g_answers = 2;
  return add(in, out);
}
// The first argument is a descriptor that the worker has from its parent.
bool add_when_told(std::span<const std::byte> in, Bytes& out) {
  char told = 0;
  return ::read(read<int>(in), &told, 1) == 1 && add(in, out);
}

int g_destroyed = 0;
int g_released = 0;

class Remote final : public Task {
 public:
  Remote(Trampoline code, int left, int right) : Task(kType, 1), code_(code), left_(left), right_(right) {}

  int settled = 0;
  Outcome::Tag tag = Outcome::Tag::kValue;
  std::optional<int> value;

 private:
  static void never_run(Task& /*task*/) noexcept { ADD_FAILURE() << "run in the wrong process"; }
  static Entry entry(const Task& task) { return entry_of(static_cast<const Remote&>(task).code_); }
  static void pack(const Task& task, Payload& payload) {
    const auto& remote = static_cast<const Remote&>(task);
    payload.pieces.push_back(std::as_bytes(std::span(&remote.left_, 1)));
    payload.pieces.push_back(std::as_bytes(std::span(&remote.right_, 1)));
    payload.owner = &g_released;
    payload.release = [](void* owner) { ++*static_cast<int*>(owner); };
  }
  static void settle(Task& task, const Outcome& outcome) noexcept {
    auto& remote = static_cast<Remote&>(task);
    ++remote.settled;
    remote.tag = outcome.tag;
    if (outcome.bytes.size() >= sizeof(int)) remote.value = read<int>(outcome.bytes);
    if ((task.state.fetch_or(kDone) & detail::kSleepers) != 0) wake_all(task.state, detail::Scope::kPrivate);
  }
  static void drop(Task& task, const std::exception_ptr& /*why*/) noexcept {
    settle(task, {.tag = Outcome::Tag::kDropped, .bytes = {}});
  }
  static void destroy(Task& task) noexcept {
    ++g_destroyed;
    delete &static_cast<Remote&>(task);
  }
  static const detail::TaskCodec kCodec;
  static const detail::TaskType kType;

  Trampoline code_;
  int left_;
  int right_;
};
constexpr detail::TaskCodec Remote::kCodec{&entry, &pack, &settle};
constexpr detail::TaskType Remote::kType{&never_run, &drop, &destroy, nullptr, nullptr, true, &kCodec};

// Squares a vector; the worker sees chunks of it.
bool square(std::span<const std::byte> in, Bytes& out) {
  for (std::size_t at = 0; at < in.size() / sizeof(int); ++at) {
    const int item = read<int>(in, at);
    if (item < 0) return false;
    const int result = item * item;
    append(out, std::as_bytes(std::span(&result, 1)));
  }
  return true;
}

class RemoteLoop : public Loop {
 public:
  explicit RemoteLoop(std::vector<int> values) : in(std::move(values)), out(in.size()) {
    size = in.size();
    codec = &kCodec;
    run = [](Loop&, std::size_t, std::size_t) noexcept {
      ADD_FAILURE() << "run in the wrong process";
      return false;
    };
  }
  std::vector<int> in;
  std::vector<int> out;

 private:
  static Entry entry(const Loop& /*loop*/) { return entry_of(&square); }
  static void pack(const Loop& loop, std::size_t begin, std::size_t end, Payload& payload) {
    payload.pieces.push_back(
        std::as_bytes(std::span(static_cast<const RemoteLoop&>(loop).in).subspan(begin, end - begin)));
  }
  static void settle(Loop& loop, std::size_t begin, std::size_t end, const Outcome& outcome) noexcept {
    auto& self = static_cast<RemoteLoop&>(loop);
    if (outcome.tag != Outcome::Tag::kValue || outcome.bytes.size() != (end - begin) * sizeof(int)) {
      loop.stopped = true;
      return;
    }
    std::memcpy(self.out.data() + begin, outcome.bytes.data(), outcome.bytes.size());
  }
  static const detail::LoopCodec kCodec;
};
constexpr detail::LoopCodec RemoteLoop::kCodec{&entry, &pack, &settle};

// ---- the tests ------------------------------------------------------------------------------------------------------

class Loopback : public ::testing::Test {
 protected:
  Loopback() {
    g_destroyed = g_released = 0;
    EXPECT_EQ(pipe(ends_.data()), 0);
    engine_ = std::make_unique<LoopbackEngine>();
  }
  ~Loopback() override {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  // Keeps a reference of its own until the test is over.
  Remote& submit(Trampoline code, int left, int right) {
    auto* task = new Remote(code, left, right);
    task->retain();
    tasks_.push_back(task);
    EXPECT_TRUE(engine_->submit(*task, {}));
    return *task;
  }
  Remote& done(Remote& task) {
    EXPECT_EQ(engine_->wait(task, kForever, nullptr), Wait::kDone);
    return task;
  }
  void TearDown() override {
    engine_.reset();
    for (Remote* task : tasks_) {
      EXPECT_EQ(task->settled, 1);
      task->release();
    }
    EXPECT_EQ(g_destroyed, static_cast<int>(tasks_.size()));
  }

  void tell() { EXPECT_EQ(write(ends_[1], "", 1), 1); }

  std::array<int, 2> ends_{};
  std::unique_ptr<LoopbackEngine> engine_;
  std::vector<Remote*> tasks_;
};

TEST_F(Loopback, task_travels_as_bytes_and_comes_back_as_bytes) {
  EXPECT_FALSE(engine_->capabilities().shares_memory);
  Remote& task = submit(&add, 3, 4);
  EXPECT_EQ(done(task).value, 7);
  EXPECT_EQ(task.tag, Outcome::Tag::kValue);
  EXPECT_EQ(g_released, 1);
}

TEST_F(Loopback, exception_comes_back_as_one) {
  Remote& task = submit(&fail, 5, 6);
  EXPECT_EQ(done(task).tag, Outcome::Tag::kException);
  EXPECT_EQ(task.value, 5);
}

TEST_F(Loopback, second_outcome_is_dropped) {
  Remote& first = submit(&answer_twice, 1, 2);
  Remote& second = submit(&add, 3, 4);
  EXPECT_EQ(done(first).value, 3);
  EXPECT_EQ(done(second).value, 7);
}

TEST_F(Loopback, lost_worker_settles_what_it_had_and_drops_the_rest) {
  Remote& before = submit(&add_when_told, ends_[0], 0);
  Remote& fatal = submit(&die, 0, 0);
  Remote& behind = submit(&add, 0, 0);
  tell();
  EXPECT_EQ(done(before).tag, Outcome::Tag::kValue);
  EXPECT_EQ(done(fatal).tag, Outcome::Tag::kLost);
  EXPECT_NE(done(behind).tag, Outcome::Tag::kValue);
  EXPECT_TRUE(engine_->drain(kForever));
  auto* late = new Remote(&add, 1, 2);
  EXPECT_FALSE(engine_->submit(*late, {}));
  late->release();
  --g_destroyed;
}

TEST_F(Loopback, many_tasks_are_each_settled_once) {
  for (int i = 0; i < 500; ++i) submit(&add, i, i);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(done(*tasks_[static_cast<std::size_t>(i)]).value, 2 * i);
}

TEST_F(Loopback, cancelled_before_it_was_sent_never_travels) {
  // Two are on their way, so the third is still here.
  Remote& first = submit(&add_when_told, ends_[0], 0);
  Remote& second = submit(&add, 1, 1);
  Remote& third = submit(&add, 2, 2);
  EXPECT_FALSE(second.begin());
  EXPECT_TRUE(third.begin());
  engine_->withdraw(third);
  EXPECT_EQ(done(third).tag, Outcome::Tag::kDropped);
  tell();
  EXPECT_EQ(done(first).tag, Outcome::Tag::kValue);
  EXPECT_EQ(done(second).value, 2);
}

TEST_F(Loopback, loop_is_cut_by_the_engine_and_comes_back_whole) {
  for (const std::size_t size : {0U, 1U, 16U, 17U, 1000U}) {
    for (const std::size_t chunk : {0U, 1U, 7U}) {
      std::vector<int> values(size);
      for (std::size_t i = 0; i < size; ++i) values[i] = static_cast<int>(i);
      RemoteLoop loop(values);
      loop.chunk = chunk;
      EXPECT_TRUE(engine_->run(loop, {}));
      EXPECT_EQ(loop.handed, size);
      for (std::size_t i = 0; i < size; ++i) EXPECT_EQ(loop.out[i], values[i] * values[i]);
    }
  }
}

TEST_F(Loopback, loop_whose_chunk_fails_hands_out_no_more) {
  std::vector<int> values(1000, 1);
  values[10] = -1;
  RemoteLoop loop(values);
  loop.chunk = 1;
  EXPECT_TRUE(engine_->run(loop, {}));
  EXPECT_TRUE(loop.stopped);
  EXPECT_GT(loop.handed, 10U);
  EXPECT_LT(loop.handed, 1000U);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(loop.out[i], 1);
}

TEST_F(Loopback, terminated_drops_what_was_not_sent) {
  for (int i = 0; i < 100; ++i) submit(&add, i, i);
  engine_->terminate();
  EXPECT_TRUE(engine_->drain(kForever));
  for (const Remote* task : tasks_) {
    EXPECT_TRUE(task->tag == Outcome::Tag::kValue || task->tag == Outcome::Tag::kDropped);
  }
}

}  // namespace
}  // namespace muster::engine
