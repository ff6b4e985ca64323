#pragma once
// How what smart pointers own is written and read, and what the archives do with what they are handed.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <muster/detail/codec.hpp>
#include <muster/detail/codec_std.hpp>
#include <muster/shared_array.hpp>

namespace muster::detail {

// An object with virtual functions is not always of the type that its pointer says: cereal writes its registered name
// first.
template <class P>
struct CodecOfPolymorphic {
  static constexpr std::size_t kLeast = sizeof(std::uint32_t);
  static void write(Encoder& out, const P& pointer) {
    const Level level(out.depth);
    out.archive().ask(pointer);
  }
  static P read(Decoder& in) {
    const Level level(in.depth);
    P pointer;
    in.archive().ask(pointer);
    return pointer;
  }
};

template <class T>
struct CodecOfUnique {
  using Object = std::remove_cv_t<T>;
  static constexpr std::size_t kLeast = 1;
  static void write(Encoder& out, const std::unique_ptr<T>& pointer) {
    write_flag(out, pointer != nullptr);
    if (pointer != nullptr) encode<Object>(out, *pointer);
  }
  static std::unique_ptr<T> read(Decoder& in) {
    return read_flag(in) ? std::unique_ptr<T>(new T(decode<Object>(in))) : nullptr;
  }
};

// An object with several owners is written once, and has as many when it arrives.
template <class T>
struct CodecOfShared {
  using Object = std::remove_cv_t<T>;
  static constexpr std::size_t kLeast = sizeof(SharedId);
  static void write(Encoder& out, const std::shared_ptr<T>& pointer) {
    const SharedId number = out.number(pointer, typeid(Object));
    out.writer.plain(number);
    if ((number & kFirstOccurrence) != 0) encode<Object>(out, *pointer);
  }
  static std::shared_ptr<T> read(Decoder& in) {
    const auto number = in.reader.plain<SharedId>();
    if (number == 0) return nullptr;
    if ((number & kFirstOccurrence) == 0) return std::static_pointer_cast<Object>(in.find(number, typeid(Object)));
    const std::size_t at = in.announce(number, typeid(Object));
    std::shared_ptr<Object> object;
    if constexpr (kFilled<Object>) {
      object = std::make_shared<Object>();
      in.place(at, object);  // before it is filled, since it may refer to itself
      CodecOfTaught<Object>::fill(in, *object);
    } else {
      object = std::shared_ptr<Object>(new Object(decode<Object>(in)));
      in.place(at, object);
    }
    return object;
  }
};

template <class T>
struct Codec<std::unique_ptr<T>>
    : std::conditional_t<std::is_polymorphic_v<T>, CodecOfPolymorphic<std::unique_ptr<T>>, CodecOfUnique<T>> {};
template <class T>
struct Codec<std::shared_ptr<T>>
    : std::conditional_t<std::is_polymorphic_v<T>, CodecOfPolymorphic<std::shared_ptr<T>>, CodecOfShared<T>> {};
template <class T>
struct Codec<std::weak_ptr<T>> {
  static constexpr std::size_t kLeast = Codec<std::shared_ptr<T>>::kLeast;
  static void write(Encoder& out, const std::weak_ptr<T>& pointer) { encode<std::shared_ptr<T>>(out, pointer.lock()); }
  static std::weak_ptr<T> read(Decoder& in) { return decode<std::shared_ptr<T>>(in); }
};

// ---- the archives ---------------------------------------------------------------------------------------------------

template <class T>
constexpr void check_travels();

template <class T>
void SaveArchive::take(const T& value) {
  using Value = std::remove_cv_t<T>;
  if constexpr (std::is_array_v<T>) {
    for (const auto& element : value) take(element);
  } else if constexpr (kFilled<Value>) {  // a part of another, so it need not have a default constructor
    CodecOfTaught<Value>::write(out_, value);
  } else {
    check_travels<Value>();
    if constexpr (kTravels<Value>) encode<Value>(out_, value);
  }
}
template <class T>
void SaveArchive::take(const cereal::SizeTag<T>& tag) {
  write_count(out_, static_cast<std::size_t>(tag.size));
}
template <class T>
void SaveArchive::take(const cereal::BinaryData<T>& bytes) {
  out_.writer.write(bytes.data, static_cast<std::size_t>(bytes.size));
}
template <class T>
void SaveArchive::take(const cereal::memory_detail::PtrWrapper<const std::shared_ptr<T>&>& wrapper) {
  CodecOfShared<T>::write(out_, wrapper.ptr);
}

template <class T>
void LoadArchive::take(T& value) {
  static_assert(!std::is_const_v<T>, "muster: load() is given something constant to fill.");
  if constexpr (std::is_array_v<T>) {
    for (auto& element : value) take(element);
  } else if constexpr (kFilled<T>) {
    CodecOfTaught<T>::fill(in_, value);
  } else {
    check_travels<T>();
    if constexpr (kTravels<T>) value = decode<T>(in_);
  }
}
template <class T>
void LoadArchive::take(cereal::SizeTag<T>& tag) {
  tag.size = static_cast<std::remove_reference_t<T>>(read_count(in_, 1));
}
template <class T>
void LoadArchive::take(cereal::BinaryData<T>& bytes) {
  in_.reader.read(bytes.data, static_cast<std::size_t>(bytes.size));
}
template <class T>
void LoadArchive::take(cereal::memory_detail::PtrWrapper<std::shared_ptr<T>&>& wrapper) {
  wrapper.ptr = CodecOfShared<T>::read(in_);
}

// ---- arrays that are shared -----------------------------------------------------------------------------------------

// Its memory goes along; the bytes only name it. null: none, here and below.
MUSTER_EXPORT void write_shared_memory(Writer& to, const std::shared_ptr<Landing>& memory);
// Throws NotSerializable where no such memory of at least `count` objects of `size` bytes came along.
MUSTER_EXPORT std::shared_ptr<Landing> read_shared_memory(Reader& from, std::size_t count, std::size_t size);

struct ArrayAccess {
  template <class T>
  static const std::shared_ptr<Landing>& memory_of(const SharedArray<T>& array) noexcept {
    return array.memory_;
  }
  template <class T>
  static SharedArray<T> make(std::shared_ptr<Landing> memory, std::size_t size) noexcept {
    return SharedArray<T>(std::move(memory), size);
  }
};

template <class T>
struct Codec<SharedArray<T>> {
  static constexpr std::size_t kLeast = 2 * sizeof(std::uint64_t);
  static void write(Encoder& out, const SharedArray<T>& array) {
    write_count(out, array.size());
    write_shared_memory(out.writer, ArrayAccess::memory_of(array));
  }
  static SharedArray<T> read(Decoder& in) {
    const auto size = static_cast<std::size_t>(in.reader.plain<std::uint64_t>());
    return ArrayAccess::make<T>(read_shared_memory(in.reader, size, sizeof(T)), size);
  }
};

}  // namespace muster::detail
