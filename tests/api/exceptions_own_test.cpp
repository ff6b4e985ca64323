// Exceptions on their way back from a worker process: types of one's own, registered or not, and bytes that are none.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <future>
#include <new>
#include <random>
#include <regex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <typeinfo>
#include <vector>

#include <muster/error.hpp>
#include <muster/exception.hpp>

#include "tests/support/exceptions_wire.hpp"
#include "tests/support/seeds.hpp"

namespace muster::testing {
namespace {

// ---- types that are not known ---------------------------------------------------------------------------------------

struct BadNumber : std::domain_error {
  using std::domain_error::domain_error;
};
struct Refined : WorkerLost {
  using WorkerLost::WorkerLost;
};
struct Tight : std::bad_alloc {
  const char* what() const noexcept override { return "no room for it"; }
};
struct Opaque : std::exception {
  const char* what() const noexcept override { return "opaque text"; }
};
struct Stranger {
  int x = 0;
};
struct Both : std::runtime_error, BadNumber {
  Both() : std::runtime_error("left"), BadNumber("right") {}
};

TEST(ExceptionsOwn, unknown_type_arrives_as_its_nearest_known_base) {
  EXPECT_STREQ(arrives_as<std::domain_error>([] { throw BadNumber("bad"); }).what(), "bad");
  EXPECT_EQ(arrives_as<WorkerLost>([] { throw Refined(1, 2, 3, 0); }).pid(), 2);
  arrives_below<std::bad_alloc>(std::make_exception_ptr(Tight()), "no room for it");
}

TEST(ExceptionsOwn, nested_exception_arrives_without_what_is_nested) {
  const auto throw_nested = [] {
    try {
      throw std::runtime_error("inner");
    } catch (...) {
      std::throw_with_nested(BadNumber("outer"));
    }
  };
  EXPECT_STREQ(arrives_as<std::domain_error>(throw_nested).what(), "outer");
}

TEST(ExceptionsOwn, type_with_no_known_base_arrives_as_remote_error) {
  const auto opaque = arrives_as<RemoteError>([] { throw Opaque(); });
  EXPECT_TRUE(opaque.type().ends_with("::Opaque")) << opaque.type();
  EXPECT_STREQ(opaque.what(), "opaque text");
  const auto stranger = arrives_as<RemoteError>([] { throw Stranger(); });
  EXPECT_TRUE(stranger.type().ends_with("::Stranger")) << stranger.type();
  EXPECT_STREQ(stranger.what(), "");
}

TEST(ExceptionsOwn, type_with_several_known_bases_arrives_as_one_of_them) {
  try {
    std::rethrow_exception(sent_exception(std::make_exception_ptr(Both())));
  } catch (const std::runtime_error&) {
  } catch (const std::domain_error&) {
  }
}

TEST(ExceptionsOwn, no_exception_arrives_as_not_serializable) {
  EXPECT_THROW(std::rethrow_exception(sent_exception(nullptr)), NotSerializable);
}

TEST(ExceptionsOwn, long_text_is_cut_between_characters) {
  std::string text;
  while (text.size() < (std::size_t{2} << 20)) text += "ä1";  // three bytes: a megabyte ends within one of them
  const auto arrived = arrives_as<std::runtime_error>([&] { throw std::runtime_error(text); });
  const std::string got = arrived.what();
  EXPECT_LE(got.size(), std::size_t{1} << 20);
  EXPECT_GT(got.size(), (std::size_t{1} << 20) - 4);
  EXPECT_EQ(got, text.substr(0, got.size()));
  EXPECT_NE(static_cast<unsigned char>(text[got.size()]) & 0xC0U, 0x80U);
}

// ---- types of one's own ---------------------------------------------------------------------------------------------

class OutOfPaper : public std::runtime_error {  // has a serialize function
 public:
  OutOfPaper() : std::runtime_error("out of paper") {}
  explicit OutOfPaper(int tray) : std::runtime_error("out of paper"), tray_(tray) {}
  int tray() const { return tray_; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(tray_);
  }

 private:
  int tray_ = 0;
};
struct Jam : std::runtime_error {  // made from a text
  using std::runtime_error::runtime_error;
};
struct Off : std::exception {  // has no fields
  const char* what() const noexcept override { return "off"; }
};
struct Limit : std::length_error {  // needs two functions
  explicit Limit(int by) : std::length_error("too long by " + std::to_string(by)), excess(by) {}
  int excess;
};
struct Status {  // no std::exception, and public fields
  int code = 0;
  std::string reason;
};
struct Untellable : std::runtime_error {
  Untellable() : std::runtime_error("secret") {}
  template <class Archive>
  void serialize(Archive& /*archive*/) {
    throw std::logic_error("I will not tell");
  }
};
struct Worse : Jam {
  using Jam::Jam;
};

const bool kRegistered =
    register_exception<OutOfPaper>() && register_exception<Jam>() && register_exception<Off>() &&
    register_exception<Status>() && register_exception<Untellable>() &&
    register_exception<Limit>([](const Limit& limit) { return limit.excess; }, [](int by) { return Limit(by); });

TEST(ExceptionsOwn, registered_types_arrive_as_themselves) {
  ASSERT_TRUE(kRegistered);
  EXPECT_EQ(arrives_as<OutOfPaper>([] { throw OutOfPaper(3); }).tray(), 3);
  EXPECT_STREQ(arrives_as<Jam>([] { throw Jam("in tray 2"); }).what(), "in tray 2");
  EXPECT_STREQ(arrives_as<Off>([] { throw Off(); }).what(), "off");
  const auto limit = arrives_as<Limit>([] { throw Limit(9); });
  EXPECT_EQ(limit.excess, 9);
  EXPECT_STREQ(limit.what(), "too long by 9");
  EXPECT_EQ(arrives_as<Status>([] { throw Status{404, "not found"}; }).reason, "not found");
}

TEST(ExceptionsOwn, type_derived_from_a_registered_one_arrives_as_that) {
  EXPECT_STREQ(arrives_as<Jam>([] { throw Worse("everywhere"); }).what(), "everywhere");
}

TEST(ExceptionsOwn, base_registered_later_is_nearer) {
  struct Base : std::range_error {
    using std::range_error::range_error;
  };
  struct Derived : Base {
    using Base::Base;
  };
  arrives_as<std::range_error>([] { throw Derived("x"); });
  EXPECT_TRUE(register_exception<Base>());
  arrives_as<Base>([] { throw Derived("x"); });
  EXPECT_TRUE(register_exception<Base>()) << "once more does no harm";
  arrives_as<Base>([] { throw Base("x"); });
}

TEST(ExceptionsOwn, exception_that_cannot_be_written_arrives_as_not_serializable) {
  const auto arrived = arrives_as<NotSerializable>([] { throw Untellable(); });
  const std::string text = arrived.what();
  EXPECT_NE(text.find("Untellable"), text.npos) << text;
  EXPECT_NE(text.find("I will not tell"), text.npos) << text;
  EXPECT_NE(text.find("secret"), text.npos) << text;
}

TEST(ExceptionsOwn, type_that_only_the_sender_knows_arrives_as_remote_error) {
  std::vector<std::byte> bytes = exception_bytes(std::make_exception_ptr(Jam("in tray 2")));
  bytes.at(sizeof(std::uint64_t) + std::string(typeid(Jam).name()).size()) =
      std::byte{9};  // one of so many of that name
  detail::Reader in(bytes);
  try {
    std::rethrow_exception(detail::read_exception(in));
  } catch (const RemoteError& error) {
    EXPECT_TRUE(error.type().ends_with("::Jam")) << error.type();
    EXPECT_STREQ(error.what(), "in tray 2");
  }
  EXPECT_EQ(in.left(), 0U);
}

TEST(ExceptionsOwn, registering_and_sending_at_once_is_safe) {
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([] {
      for (int i = 0; i < 200; ++i) {
        EXPECT_TRUE(register_exception<Worse>());
        EXPECT_STREQ(arrives_as<Limit>([i] { throw Limit(i); }).what(), ("too long by " + std::to_string(i)).c_str());
        arrives_as<std::domain_error>([] { throw BadNumber("bad"); });
      }
    });
  }
}

// ---- what arrives is checked ----------------------------------------------------------------------------------------

std::vector<std::exception_ptr> one_of_each() {
  const auto code = std::make_error_code(std::errc::no_such_file_or_directory);
  return {std::make_exception_ptr(std::runtime_error("text")),
          std::make_exception_ptr(std::bad_alloc()),
          std::make_exception_ptr(std::system_error(code, "opening")),
          std::make_exception_ptr(std::filesystem::filesystem_error("gone", "/a", "/b", code)),
          std::make_exception_ptr(std::future_error(std::future_errc::no_state)),
          std::make_exception_ptr(std::regex_error(std::regex_constants::error_brack)),
          std::make_exception_ptr(WorkerLost(1, 2, 3, 4)),
          std::make_exception_ptr(RemoteError("Type", "text")),
          std::make_exception_ptr(OutOfPaper(3)),
          std::make_exception_ptr(Status{404, "not found"}),
          std::make_exception_ptr(true),
          std::make_exception_ptr(std::string("text"))};
}

bool is_not_serializable(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const NotSerializable&) {
    return true;
  } catch (...) {
    return false;
  }
}

TEST(ExceptionsOwn, truncated_exception_is_refused) {
  for (const std::exception_ptr& thrown : one_of_each()) {
    const std::vector<std::byte> bytes = exception_bytes(thrown);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const std::vector<std::byte> less(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      detail::Reader in(less);
      EXPECT_TRUE(is_not_serializable(detail::read_exception(in)));
    }
  }
}

TEST(ExceptionsOwn, spoiled_bytes_give_some_exception) {
  const std::vector<std::exception_ptr> all = one_of_each();
  for_seeds(5000, [&all](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<std::byte> bytes = exception_bytes(all[seed % all.size()]);
    for (std::uint64_t n = 1 + random() % 3; n > 0; --n)
      bytes[random() % bytes.size()] ^= static_cast<std::byte>(random());
    detail::Reader in(bytes);
    const std::exception_ptr arrived = detail::read_exception(in);
    ASSERT_NE(arrived, nullptr);
    exception_bytes(arrived);  // reads all of it
  });
}

}  // namespace
}  // namespace muster::testing
