#pragma once
// Where a class that says itself what it consists of meets our encoding. Its serialize(), or save() and load(), is
// written for cereal and is handed one of the archives below; whatever it passes to them is encoded by us, not by
// cereal.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <typeindex>
#include <typeinfo>
#include <utility>
#include <vector>

#include <cereal/cereal.hpp>
#include <cereal/types/memory.hpp>

#include <muster/detail/bytes.hpp>
#include <muster/detail/export.hpp>

namespace muster::detail {

// Throw NotSerializable: for bytes that mean nothing, for a value that cannot be written, and for values nested deeper
// than the stack has room for.
[[noreturn]] MUSTER_EXPORT void refuse_bytes(const char* what);
[[noreturn]] MUSTER_EXPORT void refuse_value(const char* what);
[[noreturn]] MUSTER_EXPORT void refuse_depth();

class Encoder;
class Decoder;

class SaveArchive : public cereal::OutputArchive<SaveArchive> {
  using Base = cereal::OutputArchive<SaveArchive>;

 public:
  explicit SaveArchive(Encoder& out) : Base(this), out_(out) {}

  template <class... T>
  SaveArchive& operator()(T&&... values) {
    (take(values), ...);
    return *this;
  }
  template <class T>
  SaveArchive& operator&(T&& value) {
    return (*this)(value);
  }
  template <class T>
  SaveArchive& operator<<(T&& value) {
    return (*this)(value);
  }
  void serializeDeferments() {
    for (const auto& deferred : deferred_) deferred();
    deferred_.clear();
  }
  // Calls the function that the class or its namespace has for this.
  template <class T>
  void ask(const T& value) {
    Base::operator()(value);
  }

 private:
  template <class T>
  void take(const T& value);
  template <class T>
  void take(const cereal::NameValuePair<T>& named) {
    take(named.value);
  }
  template <class T>
  void take(const cereal::SizeTag<T>& tag);
  template <class T>
  void take(const cereal::BinaryData<T>& bytes);
  template <class K, class V>
  void take(const cereal::MapItem<K, V>& item) {
    (*this)(item.key, item.value);
  }
  template <class T>
  void take(const cereal::base_class<T>& base) {
    take(*base.base_ptr);
  }
  template <class T>
  void take(const cereal::virtual_base_class<T>& base) {
    ask(base);
  }
  template <class T>
  void take(const cereal::DeferredData<T>& data) {
    deferred_.push_back([this, data] { take(data.value); });
  }
  template <class T>
  void take(const cereal::memory_detail::PtrWrapper<const std::shared_ptr<T>&>& wrapper);
  template <class T, class D>
  void take(const cereal::memory_detail::PtrWrapper<const std::unique_ptr<T, D>&>& wrapper) {
    ask(wrapper);
  }

  Encoder& out_;
  std::vector<std::function<void()>> deferred_;
};

class LoadArchive : public cereal::InputArchive<LoadArchive> {
  using Base = cereal::InputArchive<LoadArchive>;

 public:
  explicit LoadArchive(Decoder& in) : Base(this), in_(in) {}

  template <class... T>
  LoadArchive& operator()(T&&... values) {
    (take(values), ...);
    return *this;
  }
  template <class T>
  LoadArchive& operator&(T&& value) {
    return (*this)(value);
  }
  template <class T>
  LoadArchive& operator>>(T&& value) {
    return (*this)(value);
  }
  void serializeDeferments() {
    for (const auto& deferred : deferred_) deferred();
    deferred_.clear();
  }
  template <class T>
  void ask(T& value) {
    Base::operator()(value);
  }

 private:
  template <class T>
  void take(T& value);
  template <class T>
  void take(cereal::NameValuePair<T>& named) {
    take(named.value);
  }
  template <class T>
  void take(cereal::SizeTag<T>& tag);
  template <class T>
  void take(cereal::BinaryData<T>& bytes);
  template <class K, class V>
  void take(cereal::MapItem<K, V>& item) {
    (*this)(item.key, item.value);
  }
  template <class T>
  void take(cereal::base_class<T>& base) {
    take(*base.base_ptr);
  }
  template <class T>
  void take(cereal::virtual_base_class<T>& base) {
    ask(base);
  }
  template <class T>
  void take(cereal::DeferredData<T>& data) {
    deferred_.push_back([this, data]() mutable { take(data.value); });
  }
  template <class T>
  void take(cereal::memory_detail::PtrWrapper<std::shared_ptr<T>&>& wrapper);
  template <class T, class D>
  void take(cereal::memory_detail::PtrWrapper<std::unique_ptr<T, D>&>& wrapper) {
    ask(wrapper);
  }

  Decoder& in_;
  std::vector<std::function<void()>> deferred_;
};

// What cereal itself passes on behind the archive's back: version numbers, and what save_minimal() returns.
template <class T>
  requires(std::is_arithmetic_v<T> || std::is_same_v<T, std::string>)
void save(SaveArchive& archive, const T& value) {
  archive(value);
}
template <class T>
  requires(std::is_arithmetic_v<T> || std::is_same_v<T, std::string>)
void load(LoadArchive& archive, T& value) {
  archive(value);
}
template <class T>
void save(SaveArchive& archive, const cereal::NameValuePair<T>& named) {
  archive(named.value);
}
template <class T>
void load(LoadArchive& archive, cereal::NameValuePair<T>& named) {
  archive(named.value);
}

// A class that says itself what it consists of.
template <class T>
inline constexpr bool kTaught = [] {
  if constexpr (std::is_class_v<T>) {
    return cereal::traits::is_output_serializable<T, SaveArchive>::value &&
           cereal::traits::is_input_serializable<T, LoadArchive>::value;
  } else {
    return false;
  }
}();

}  // namespace muster::detail

CEREAL_REGISTER_ARCHIVE(muster::detail::SaveArchive)
CEREAL_REGISTER_ARCHIVE(muster::detail::LoadArchive)
CEREAL_SETUP_ARCHIVE_TRAITS(muster::detail::LoadArchive, muster::detail::SaveArchive)
