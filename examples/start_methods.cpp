// Where worker processes come from, and what of the program they see.
#include <muster/pool.hpp>
#include <muster/threading.hpp>

#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <thread>

// state
std::string state = "as at init";

std::string seen() { return state; }
// end

int main(int argc, char** argv) {
  // methods
  muster::init(argc, argv);
  state = "as when the pool was made";
  muster::ProcessPool copies({.processes = 1, .start_method = muster::StartMethod::fork});
  muster::ProcessPool served({.processes = 1, .start_method = muster::StartMethod::forkserver});
  muster::ProcessPool fresh({.processes = 1, .start_method = muster::StartMethod::spawn});
  state = "as it is now";
  std::printf("fork:       %s\n", copies.apply(seen).c_str());
  std::printf("forkserver: %s\n", served.apply(seen).c_str());
  std::printf("spawn:      %s\n", fresh.apply(seen).c_str());
  std::printf("here:       %s\n", seen().c_str());
  // end

  // threads
  muster::threading::Event done;
  std::thread other([&done] { done.wait(); });
  try {
    const muster::ProcessPool torn({.processes = 1, .start_method = muster::StartMethod::fork});
  } catch (const muster::Error& error) {
    const std::string text = error.what();
    std::printf("%s\n", text.substr(0, text.find(" in this program")).c_str());
  }
  muster::ProcessPool beside(1);  // forkserver, since muster::init was called
  std::printf("beside a thread: %d\n", beside.apply([] { return 42; }));
  done.set();
  other.join();
  // end

  // descriptors
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return 1;
  muster::ProcessPool writers({.processes = 1, .pass_fds = {ends[1]}});
  const auto told = writers.apply([](int to) { return write(to, "hello", 5); }, ends[1]);
  std::array<char, 6> text{};
  const auto heard = read(ends[0], text.data(), 5);
  std::printf("through a pipe: %s, %zd written, %zd read\n", text.data(), told, heard);
  // end
}
