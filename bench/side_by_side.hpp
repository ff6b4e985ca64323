#pragma once
// Works that several implementations do in one run, and the table and file that come of it.

#include <functional>
#include <string>
#include <vector>

namespace bench {

// One work of one implementation at one number of workers. Each call does it once and returns its cost in `unit`.
struct Work {
  std::string work;
  std::string impl;
  std::string unit;
  std::function<double()> once;
  // Where once takes seconds: measured at most so often, and with nothing ahead to warm up. 0: as often as any.
  int most = 0;
  bool on_request = false;  // is done only where the command line names it
};

// What one work cost one implementation.
struct Row {
  std::string work;
  std::string impl;
  std::string unit;
  int workers = 0;
  double min = 0;
  double median = 0;
};

struct Benchmark {
  const char* about;         // of the help text
  std::vector<int> workers;  // unless the command line says otherwise
  int repeat;                // likewise
  // All works of all implementations.
  std::function<std::vector<Work>(int workers)> works;
  // What stands behind a row of our own, given all of the same work.
  std::function<std::string(const Row& ours, const std::vector<Row>& all)> remark;
};

// The name of our own implementation.
inline constexpr const char* kOurs = "muster";

double seconds(const std::function<void()>& body);
// A benchmark of wrong results is worth nothing: ends the program unless `right`.
void check(bool right, const char* what);

// Reads the command line and does as it says: every work is done by each implementation in turn, again and again, so
// that the machine's moods meet all of them alike. Returns the exit code.
int run(int argc, char** argv, const Benchmark& benchmark);

}  // namespace bench
