#include "api/known_exceptions.hpp"

#include <any>
#include <filesystem>
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
#include <type_traits>
#include <typeinfo>
#include <variant>

#include <muster/detail/travel.hpp>
#include <muster/error.hpp>

namespace muster::api {

namespace {

using detail::ExceptionCodec;
using detail::Reader;
using detail::Writer;

// An E that says what the original said, where E itself would say something else: the original was of a type derived
// from E.
template <class E>
class Saying : public E {
 public:
  Saying(const E& error, const std::string& text) : E(error), text_(text) {}
  const char* what() const noexcept override { return text_.what(); }

 private:
  std::runtime_error text_;  // whose copies share the text, as an exception's must
};

template <class E>
std::exception_ptr rebuilt(const E& error, const std::string& text) {
  return text == error.what() ? std::make_exception_ptr(error) : std::make_exception_ptr(Saying<E>(error, text));
}

// Types made from a text.
template <class E>
struct ByText {
  static bool write(Writer& /*out*/, const E& /*error*/) { return true; }
  static std::exception_ptr read(Reader& /*in*/, const std::string& text) { return std::make_exception_ptr(E(text)); }
};

// Types that hold nothing.
template <class E>
struct ByNothing {
  static bool write(Writer& /*out*/, const E& /*error*/) { return true; }
  static std::exception_ptr read(Reader& /*in*/, const std::string& text) { return rebuilt(E(), text); }
};

// Values that are no classes of exceptions.
template <class T, class Sent = T>
struct ByValue {
  static bool write(Writer& out, const T& value) {
    if constexpr (std::is_pointer_v<T>) {
      detail::write_value<Sent>(out, value == nullptr ? Sent() : Sent(value));
    } else {
      detail::write_value<Sent>(out, value);
    }
    return true;
  }
  static std::exception_ptr read(Reader& in, const std::string& /*text*/) {
    return std::make_exception_ptr(detail::read_value<Sent>(in));
  }
};

// Categories are objects that codes refer to: only those that exist in every process can be sent.
const std::error_category* category(int number) {
  switch (number) {
    case 0:
      return &std::generic_category();
    case 1:
      return &std::system_category();
    case 2:
      return &std::iostream_category();
    case 3:
      return &std::future_category();
    default:
      return nullptr;
  }
}

bool write_code(Writer& out, const std::error_code& code) {
  int number = 0;
  while (category(number) != nullptr && *category(number) != code.category()) ++number;
  if (category(number) == nullptr) return false;
  out.plain(number);
  out.plain(code.value());
  return true;
}

std::error_code read_code(Reader& in) {
  const std::error_category* const found = category(in.plain<int>());
  if (found == nullptr) detail::refuse_bytes("an error's category is not there");
  return {in.plain<int>(), *found};
}

// What a system_error was made with beside its code: its text is that, ": ", and the code's message.
std::optional<std::string> given_text(const std::system_error& error) {
  const std::string text = error.std::system_error::what();
  const std::string message = error.code().message();
  if (text == message) return std::nullopt;
  const std::string end = ": " + message;
  return text.ends_with(end) ? text.substr(0, text.size() - end.size()) : text;
}

template <class E>
E made(const std::error_code& code, const std::optional<std::string>& given) {
  if constexpr (std::is_same_v<E, std::system_error>) {
    return given ? E(code, *given) : E(code);
  } else {
    return E(given.value_or(""), code);
  }
}

template <class E>
struct ByCode {
  static bool write(Writer& out, const E& error) {
    if (!write_code(out, error.code())) return false;
    detail::write_value(out, given_text(error));
    return true;
  }
  static std::exception_ptr read(Reader& in, const std::string& text) {
    const std::error_code code = read_code(in);
    return rebuilt(made<E>(code, detail::read_value<std::optional<std::string>>(in)), text);
  }
};

struct ByPaths {
  using E = std::filesystem::filesystem_error;
  static bool write(Writer& out, const E& error) {
    if (!write_code(out, error.code())) return false;
    detail::write_value(out, given_text(error));
    detail::write_value(out, error.path1().native());
    detail::write_value(out, error.path2().native());
    return true;
  }
  static std::exception_ptr read(Reader& in, const std::string& text) {
    const std::error_code code = read_code(in);
    const std::string given = detail::read_value<std::optional<std::string>>(in).value_or("");
    const std::filesystem::path first = detail::read_value<std::string>(in);
    const std::filesystem::path second = detail::read_value<std::string>(in);
    // Which constructor it was shows in the text alone: an empty path is named there if it was given.
    for (const E& error : {E(given, code), E(given, first, code), E(given, first, second, code)}) {
      if (text == error.what()) return std::make_exception_ptr(error);
    }
    return rebuilt(E(given, first, second, code), text);
  }
};

struct ByFutureCode {
  static bool write(Writer& out, const std::future_error& error) {
    out.plain(error.code().value());
    return true;
  }
  static std::exception_ptr read(Reader& in, const std::string& text) {
    return rebuilt(std::future_error(static_cast<std::future_errc>(in.plain<int>())), text);
  }
};

struct ByRegexCode {
  static bool write(Writer& out, const std::regex_error& error) {
    out.plain(static_cast<int>(error.code()));
    return true;
  }
  static std::exception_ptr read(Reader& in, const std::string& text) {
    using namespace std::regex_constants;
    const int number = in.plain<int>();
    for (const error_type code :
         {error_collate, error_ctype, error_escape, error_backref, error_brack, error_paren, error_brace,
          error_badbrace, error_range, error_space, error_badrepeat, error_complexity, error_stack}) {
      if (static_cast<int>(code) == number) return rebuilt(std::regex_error(code), text);
    }
    detail::refuse_bytes("an error of a regular expression is none");
  }
};

struct ByLoss {
  static bool write(Writer& out, const WorkerLost& error) {
    out.plain(error.index());
    out.plain(error.pid());
    out.plain(error.signal());
    out.plain(error.exit_code());
    out.plain(error.peak_memory());
    return true;
  }
  static std::exception_ptr read(Reader& in, const std::string& /*text*/) {
    const auto index = in.plain<std::size_t>();
    const int pid = in.plain<int>();
    const int signal = in.plain<int>();
    const int exit_code = in.plain<int>();
    return std::make_exception_ptr(WorkerLost(index, pid, signal, exit_code, in.plain<std::uint64_t>()));
  }
};

struct ByOwner {
  static bool write(Writer& out, const OwnerDied& error) {
    out.plain(error.pid());
    return true;
  }
  static std::exception_ptr read(Reader& in, const std::string& text) {
    return rebuilt(OwnerDied(in.plain<int>()), text);
  }
};

struct ByRemote {
  static bool write(Writer& out, const RemoteError& error) {
    detail::write_value(out, error.type());
    return true;
  }
  static std::exception_ptr read(Reader& in, const std::string& text) {
    return std::make_exception_ptr(RemoteError(detail::read_value<std::string>(in), text));
  }
};

template <class... E>
void add_texts(std::vector<ExceptionCodec>& to) {
  (to.push_back(detail::codec_for<E, ByText<E>>()), ...);
}
template <class... E>
void add_nothings(std::vector<ExceptionCodec>& to) {
  (to.push_back(detail::codec_for<E, ByNothing<E>>()), ...);
}
template <class... T>
void add_values(std::vector<ExceptionCodec>& to) {
  (to.push_back(detail::codec_for<T, ByValue<T>>()), ...);
}

}  // namespace

std::vector<ExceptionCodec> known_exceptions() {
  std::vector<ExceptionCodec> known;
  add_texts<std::logic_error, std::domain_error, std::invalid_argument, std::length_error, std::out_of_range,
            std::runtime_error, std::range_error, std::overflow_error, std::underflow_error>(known);
  add_texts<Error, ValueError, PoolClosed, TimeoutError, CpuTimeError, Cancelled, Interrupted, DeadlockError,
            ThreadError, NotSerializable, LockError, BrokenBarrierError>(known);
  add_nothings<std::exception, std::bad_exception, std::bad_alloc, std::bad_array_new_length, std::bad_cast,
               std::bad_typeid, std::bad_function_call, std::bad_weak_ptr, std::bad_optional_access,
               std::bad_variant_access, std::bad_any_cast>(known);
  add_values<bool, char, int, unsigned, long, unsigned long, long long, unsigned long long, float, double, std::string>(
      known);
  known.push_back(detail::codec_for<const char*, ByValue<const char*, std::string>>());
  known.push_back(detail::codec_for<std::system_error, ByCode<std::system_error>>());
  known.push_back(detail::codec_for<std::ios_base::failure, ByCode<std::ios_base::failure>>());
  known.push_back(detail::codec_for<std::filesystem::filesystem_error, ByPaths>());
  known.push_back(detail::codec_for<std::future_error, ByFutureCode>());
  known.push_back(detail::codec_for<std::regex_error, ByRegexCode>());
  known.push_back(detail::codec_for<WorkerLost, ByLoss>());
  known.push_back(detail::codec_for<OwnerDied, ByOwner>());
  known.push_back(detail::codec_for<RemoteError, ByRemote>());
  return known;
}

}  // namespace muster::api
