// What travels to a worker process and back: structs as they are, classes that say what they consist of, exceptions
// that are made known.
#include <muster/exception.hpp>
#include <muster/pool.hpp>
#include <muster/serialize.hpp>

#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// struct
struct Order {  // public fields that travel: nothing needs to be said
  std::string customer;
  std::vector<std::pair<std::string, int>> articles;
  std::optional<int> discount;
};
// end

// class
class Account {
 public:
  Account() = default;  // made by it, then filled
  explicit Account(std::string owner) : owner_(std::move(owner)) {}
  const std::string& owner() const { return owner_; }
  long balance() const { return balance_; }
  void book(long amount) { balance_ += amount; }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(owner_, balance_);
  }

 private:
  std::string owner_;
  long balance_ = 0;
};
// end

// exception
struct Overdrawn : std::runtime_error {
  explicit Overdrawn(const std::string& text) : std::runtime_error(text) {}
};
const bool kOverdrawnIsKnown = muster::register_exception<Overdrawn>();

struct OutOfPaper : std::runtime_error {
  explicit OutOfPaper(int at) : std::runtime_error("out of paper"), page(at) {}
  int page;
};
const bool kOutOfPaperIsKnown = muster::register_exception<OutOfPaper>(
    [](const OutOfPaper& error) { return error.page; }, [](int page) { return OutOfPaper(page); });
// end

struct Unknown : std::domain_error {
  using std::domain_error::domain_error;
};

int pieces(const Order& order) {
  int sum = 0;
  for (const auto& [name, number] : order.articles) sum += number;
  return sum - order.discount.value_or(0);
}

Account booked(Account account, long amount) {
  if (account.balance() + amount < 0) throw Overdrawn(account.owner() + " has too little");
  account.book(amount);
  return account;
}

int print(int page) { return page < 7 ? page : throw OutOfPaper(page); }

int main(int argc, char** argv) {
  muster::init(argc, argv);
  muster::ProcessPool pool(2);

  // values
  std::printf("%d pieces\n", pool.apply(pieces, Order{"ann", {{"pen", 3}, {"ink", 2}}, 1}));
  const Account account = pool.apply(booked, Account("bob"), 100L);
  std::printf("%s has %ld\n", account.owner().c_str(), account.balance());
  const auto kept =
      pool.apply([](std::unique_ptr<int> number) { return std::map<std::string, int>{{"seven", *number}}; },
                 std::make_unique<int>(7));
  std::printf("%s: %d\n", kept.begin()->first.c_str(), kept.begin()->second);
  // end

  // thrown
  try {
    pool.apply(booked, account, -500L);
  } catch (const Overdrawn& error) {
    std::printf("Overdrawn: %s\n", error.what());
  }
  try {
    pool.map(print, {5, 6, 7, 8});
  } catch (const OutOfPaper& error) {  // its own type, with all that it holds
    std::printf("%s at page %d\n", error.what(), error.page);
  }
  // end

  // unknown
  try {
    pool.apply([] { throw Unknown("never made known"); });
  } catch (const std::domain_error& error) {  // its nearest base that is known
    std::printf("std::domain_error: %s\n", error.what());
  }
  struct Strange {
    int code;
  };
  try {
    pool.apply([] { throw Strange{4}; });
  } catch (const muster::RemoteError& error) {
    std::printf("RemoteError: %s\n", error.type().c_str());
  }
  // end

  // asked
  static_assert(muster::kTravels<Order> && muster::kTravels<Account>);
  static_assert(!muster::kTravels<const char*> && !muster::kTravels<std::vector<int*>>);
  // end
}
