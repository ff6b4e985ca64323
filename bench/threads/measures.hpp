#pragma once
// What the works need beside an implementation: items that cost unlike much, and the CPU time of one that idles.

#include <functional>
#include <vector>

namespace bench {

// Items of which one in a hundred costs a hundred times as much as the others: how well does a pool spread them?
class Loads {
 public:
  static Loads skewed();       // the dear ones lie anywhere, and at the same places in each run
  static Loads heavy_first();  // the dear ones come first

  long size() const { return static_cast<long>(rounds_.size()); }
  // Does the item. Its result takes all of the work to find.
  long operator()(long i) const;

 private:
  Loads();

  std::vector<long> rounds_;
};

// How many workers can really work at once.
int at_once(int workers);

// How many workers a pool has that is to idle: enough that something is seen where there are few.
int idlers(int workers);

// Microseconds of CPU time that the whole program takes while it sleeps for two seconds, after `before` has been done.
double idle_cpu(const std::function<void()>& before);

}  // namespace bench
