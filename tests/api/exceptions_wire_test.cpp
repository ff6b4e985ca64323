// Exceptions on their way back from a worker process: types that are known from the start arrive as themselves.

#include <gtest/gtest.h>

#include <any>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <ios>
#include <memory>
#include <new>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <tuple>
#include <typeinfo>
#include <variant>
#include <vector>

#include <muster/error.hpp>

#include "tests/support/exceptions_wire.hpp"

namespace muster::testing {
namespace {

template <class E>
class ExceptionsWireText : public ::testing::Test {};
using Texts = ::testing::Types<std::logic_error, std::domain_error, std::invalid_argument, std::length_error,
                               std::out_of_range, std::runtime_error, std::range_error, std::overflow_error,
                               std::underflow_error, Error, ValueError, PoolClosed, TimeoutError, CpuTimeError,
                               Cancelled, DeadlockError, ThreadError, NotSerializable, LockError, BrokenBarrierError>;
TYPED_TEST_SUITE(ExceptionsWireText, Texts);
TYPED_TEST(ExceptionsWireText, arrives_as_its_own_type_with_its_text) {
  const auto arrived = arrives_as<TypeParam>([] { throw TypeParam("the text"); });
  EXPECT_STREQ(arrived.what(), "the text");
}

template <class E>
class ExceptionsWirePlain : public ::testing::Test {};
using Plains = ::testing::Types<std::exception, std::bad_exception, std::bad_alloc, std::bad_array_new_length,
                                std::bad_cast, std::bad_typeid, std::bad_function_call, std::bad_weak_ptr,
                                std::bad_optional_access, std::bad_variant_access, std::bad_any_cast>;
TYPED_TEST_SUITE(ExceptionsWirePlain, Plains);
TYPED_TEST(ExceptionsWirePlain, arrives_as_its_own_type) {
  const auto arrived = arrives_as<TypeParam>([] { throw TypeParam(); });
  EXPECT_STREQ(arrived.what(), TypeParam().what());
}

TEST(ExceptionsWire, what_the_standard_library_throws_itself_arrives) {
  EXPECT_THROW(std::rethrow_exception(sent_exception(std::make_exception_ptr(std::out_of_range("x")))),
               std::out_of_range);
  arrives_as<std::out_of_range>([] { static_cast<void>(std::vector<int>().at(3)); });
  arrives_as<std::bad_any_cast>([] { static_cast<void>(std::any_cast<int>(std::any(1.0))); });
  arrives_as<std::bad_weak_ptr>([] { const std::shared_ptr<int> p(std::weak_ptr<int>{}); });
  const auto future = arrives_as<std::future_error>([] {
    std::future<int> orphan = std::promise<int>().get_future();
    orphan.get();
  });
  EXPECT_EQ(future.code(), std::future_errc::broken_promise);
  const auto regex = arrives_as<std::regex_error>([] { static_cast<void>(std::regex("(")); });
  EXPECT_EQ(regex.code(), std::regex_constants::error_paren);
}

TEST(ExceptionsWire, system_error_keeps_code_category_and_text) {
  for (const std::error_category* category :
       {&std::generic_category(), &std::system_category(), &std::iostream_category(), &std::future_category()}) {
    const std::error_code code(EPIPE, *category);
    for (const std::system_error& error : {std::system_error(code), std::system_error(code, "while: writing")}) {
      const auto arrived = arrives_as<std::system_error>([&] { throw error; });
      EXPECT_EQ(arrived.code(), code);
      EXPECT_STREQ(arrived.what(), error.what());
    }
  }
}

TEST(ExceptionsWire, stream_failure_keeps_its_code) {
  std::string text;
  const auto open = [&text] {
    std::ifstream file;
    file.exceptions(std::ios::failbit);
    try {
      file.open("/there/is/no/such/file");
    } catch (const std::ios_base::failure& error) {
      text = error.what();
      throw;
    }
  };
  const auto arrived = arrives_as<std::ios_base::failure>(open);
  EXPECT_EQ(arrived.code(), std::io_errc::stream);
  EXPECT_EQ(arrived.what(), text);
}

TEST(ExceptionsWire, filesystem_error_keeps_its_paths) {
  using std::filesystem::filesystem_error;
  const auto code = std::make_error_code(std::errc::no_such_file_or_directory);
  for (const filesystem_error& error :
       {filesystem_error("gone", code), filesystem_error("gone", "/a", code),
        filesystem_error("gone", "/a", "/b", code), filesystem_error("", "", "", code)}) {
    const auto arrived = arrives_as<filesystem_error>([&] { throw error; });
    EXPECT_EQ(arrived.path1(), error.path1());
    EXPECT_EQ(arrived.path2(), error.path2());
    EXPECT_EQ(arrived.code(), error.code());
    EXPECT_STREQ(arrived.what(), error.what());
  }
}

class Category : public std::error_category {
  const char* name() const noexcept override { return "ours"; }
  std::string message(int value) const override { return "ours " + std::to_string(value); }
};

TEST(ExceptionsWire, system_error_of_a_foreign_category_arrives_as_runtime_error) {
  static const Category category;
  const auto arrived = arrives_as<std::runtime_error>([] { throw std::system_error(3, category, "x"); });
  EXPECT_STREQ(arrived.what(), "x: ours 3");
  arrives_as<std::runtime_error>([] { throw std::ios_base::failure("x", std::error_code(3, category)); });
}

TEST(ExceptionsWire, own_errors_keep_their_fields) {
  const auto lost = arrives_as<WorkerLost>([] { throw WorkerLost(7, 1234, 11, 0, 4096); });
  EXPECT_EQ(std::tuple(lost.index(), lost.pid(), lost.signal(), lost.exit_code()), std::tuple(7U, 1234, 11, 0));
  EXPECT_EQ(lost.peak_memory(), 4096U);
  EXPECT_STREQ(lost.what(), WorkerLost(7, 1234, 11, 0).what());
  const auto remote = arrives_as<RemoteError>([] { throw RemoteError("Type", "text"); });
  EXPECT_EQ(remote.type(), "Type");
  EXPECT_STREQ(remote.what(), "text");
}

TEST(ExceptionsWire, thrown_values_arrive) {
  EXPECT_EQ(arrives_as<int>([] { throw 5; }), 5);
  EXPECT_EQ(arrives_as<double>([] { throw 0.5; }), 0.5);
  EXPECT_EQ(arrives_as<std::string>([] { throw std::string("text"); }), "text");
  EXPECT_EQ(arrives_as<std::string>([] { throw "literal"; }), "literal");
  char changeable[] = "text";
  EXPECT_EQ(arrives_as<std::string>([&] { throw &changeable[0]; }), "text");
}

}  // namespace
}  // namespace muster::testing
