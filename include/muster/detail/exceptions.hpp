#pragma once
// Exceptions on their way back from another process: by the type's name, if both sides have a codec for it; else as the
// nearest type that both have; else as what is left of it. Types of the standard library and our own are known from the
// start.

#include <exception>
#include <string>
#include <type_traits>
#include <typeinfo>

#include <muster/detail/bytes.hpp>
#include <muster/detail/export.hpp>

namespace muster::detail {

// How exceptions of one type are written and rebuilt.
struct ExceptionCodec {
  const std::type_info* type;
  // Writes what is thrown, if it is of this type or derived from it. False: it is not, or this one cannot be written
  // so.
  bool (*write)(Writer& out, const std::exception_ptr& thrown);
  // `text` is what the original said, up to 1 MiB of it.
  std::exception_ptr (*read)(Reader& in, const std::string& text);
  // Whether it is of this type or derived from it.
  bool (*catches)(const std::exception_ptr& thrown);
  // Whether a handler for pointers to this type catches what `thrower` throws; and one that throws such a pointer.
  // Together they tell which of two types derives from the other.
  bool (*catches_pointer)(void (*thrower)());
  void (*throw_pointer)();
};

template <class E>
bool catches(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const E&) {
    return true;
  } catch (...) {
    return false;
  }
}

template <class E>
bool catches_pointer(void (*thrower)()) {
  try {
    thrower();
  } catch (E*) {
    return true;
  } catch (...) {
    return false;
  }
  return false;
}

template <class E>
[[noreturn]] void throw_pointer() {
  throw static_cast<E*>(nullptr);
}

// The codec for E whose fields Form writes and reads: bool write(Writer&, const E&), std::exception_ptr read(Reader&,
// text).
template <class E, class Form>
ExceptionCodec codec_for() {
  return {&typeid(E),
          [](Writer& out, const std::exception_ptr& thrown) {
            try {
              std::rethrow_exception(thrown);
            } catch (const E& error) {
              return Form::write(out, error);
            } catch (...) {
              return false;
            }
          },
          &Form::read,
          &catches<E>,
          &catches_pointer<E>,
          &throw_pointer<E>};
}

// Makes a type known to this process. Does nothing if it is already. Thread-safe; may be called before main. Always
// true.
MUSTER_EXPORT bool add_exception(const ExceptionCodec& codec);

// What cannot be written is replaced by NotSerializable, which names its type. Throws std::bad_alloc and nothing else.
MUSTER_EXPORT void write_exception(Writer& out, const std::exception_ptr& thrown);

// Bytes that are no exception give NotSerializable. Throws std::bad_alloc and nothing else.
MUSTER_EXPORT std::exception_ptr read_exception(Reader& in);

}  // namespace muster::detail
