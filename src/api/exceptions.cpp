// Exceptions between processes. On the wire: the type's name, which of the types of that name (unnamed namespaces may
// have the same), the name as a programmer writes it, the text, and what the type's codec wrote, with its length in
// front so that a reader can do without it.

#include <muster/detail/exceptions.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <typeindex>
#include <typeinfo>
#include <utility>
#include <vector>

#include <muster/detail/archive.hpp>
#include <muster/error.hpp>
#include "api/known_exceptions.hpp"
#include "api/thrown.hpp"
#include "api/type_name.hpp"

namespace muster {

namespace {

using detail::ExceptionCodec;
using detail::Reader;
using detail::Writer;

constexpr std::size_t kMostText = std::size_t{1} << 20;

// Memory that grows: what an exception consists of is written here first, since it may turn out not to be writable.
class Buffer final : public Writer {
 public:
  Buffer() = default;
  std::span<const std::byte> bytes() const { return {begin_, size()}; }

 private:
  void more(std::size_t size) override {
    const std::size_t used = this->size();
    memory_.resize(std::max(2 * used, used + size));
    begin_ = memory_.data();
    at_ = begin_ + used;
    end_ = begin_ + memory_.size();
  }

  std::vector<std::byte> memory_;
};

class Registry {
 public:
  using Tried = std::vector<const ExceptionCodec*>;

  Registry() {
    for (const ExceptionCodec& codec : api::known_exceptions()) add(codec);
  }

  void add(const ExceptionCodec& codec) {
    const std::scoped_lock lock(mutex_);
    if (exact(*codec.type) != nullptr) return;
    by_name_[codec.type->name()].push_back(&all_.emplace_back(codec));
    nearest_.clear();
  }

  // The codec of the type itself, or of its nearest base that has one; null for none.
  const ExceptionCodec* find(const std::type_info& type, const std::exception_ptr& thrown) {
    const std::scoped_lock lock(mutex_);
    if (const ExceptionCodec* const found = exact(type)) return found;
    const auto [at, is_new] = nearest_.try_emplace(type, nullptr);
    if (is_new) at->second = search(thrown, {});
    return at->second;
  }

  // The nearest but for those that could not write it.
  const ExceptionCodec* next(const Tried& tried, const std::exception_ptr& thrown) {
    const std::scoped_lock lock(mutex_);
    return search(thrown, tried);
  }

  std::uint32_t number(const ExceptionCodec& codec) {
    const std::scoped_lock lock(mutex_);
    const auto& same_name = by_name_.at(codec.type->name());
    return static_cast<std::uint32_t>(std::ranges::find(same_name, &codec) - same_name.begin());
  }

  const ExceptionCodec* find(const std::string& name, std::uint32_t number) {
    const std::scoped_lock lock(mutex_);
    const auto found = by_name_.find(name);
    return found == by_name_.end() || number >= found->second.size() ? nullptr : found->second[number];
  }

 private:
  // Types are equal as type_info says, which sees through the borders of shared libraries.
  const ExceptionCodec* exact(const std::type_info& type) const {
    const auto found = by_name_.find(std::string_view(type.name()));
    if (found == by_name_.end()) return nullptr;
    for (const ExceptionCodec* const codec : found->second) {
      if (*codec->type == type) return codec;
    }
    return nullptr;
  }

  // Asks every codec whether it catches it. Slow, but done once for a type.
  const ExceptionCodec* search(const std::exception_ptr& thrown, const Tried& tried) const {
    const ExceptionCodec* nearest = nullptr;
    for (const ExceptionCodec& codec : all_) {
      if (std::ranges::find(tried, &codec) != tried.end() || !codec.catches(thrown)) continue;
      if (nearest == nullptr || nearest->catches_pointer(codec.throw_pointer)) nearest = &codec;
    }
    return nearest;
  }

  std::mutex mutex_;
  std::deque<ExceptionCodec> all_;
  std::map<std::string, std::vector<const ExceptionCodec*>, std::less<>> by_name_;
  std::map<std::type_index, const ExceptionCodec*> nearest_;
};

// Never destroyed: exceptions are also registered, and thrown, by destructors of other objects of static duration.
Registry& registry() {
  static Registry* const made = new Registry();
  return *made;
}

// Cuts a text that is too long, between two characters of UTF-8.
std::string bounded(std::string text) {
  std::size_t size = text.size();
  if (size > kMostText) {
    size = kMostText;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
  }
  text.resize(size);
  return text;
}

void write_text(Writer& out, std::string_view text) {
  out.plain(static_cast<std::uint64_t>(text.size()));
  out.write(text.data(), text.size());
}

std::string read_text(Reader& in) {
  const auto size = in.plain<std::uint64_t>();
  if (size > in.left()) detail::refuse_bytes("an exception's text is longer than what follows");
  const auto* const at = reinterpret_cast<const char*>(in.take(static_cast<std::size_t>(size)));
  return {at, static_cast<std::size_t>(size)};
}

void write_record(Writer& out, const ExceptionCodec& codec, const std::string& text, const Buffer& body) {
  write_text(out, codec.type->name());
  out.plain(registry().number(codec));
  // Not left to the reader: a few bytes of a forged name unfold to more than any memory holds.
  write_text(out, api::type_name(*codec.type));
  write_text(out, text);
  out.plain(static_cast<std::uint64_t>(body.size()));
  out.write(body.bytes().data(), body.size());
}

// With a type that is known for certain.
template <class E>
void write_own(Writer& out, const E& error) {
  const std::exception_ptr thrown = std::make_exception_ptr(error);
  const ExceptionCodec& codec = *registry().find(typeid(E), thrown);
  Buffer body;
  codec.write(body, thrown);
  write_record(out, codec, error.what(), body);
}

// Where only std::exception is known of a type, its name says more.
bool says_little(const ExceptionCodec& codec, const std::type_info& type) {
  return *codec.type == typeid(std::exception) && type != typeid(std::exception);
}

void write_known_or_remote(Writer& out, const std::exception_ptr& thrown, const api::Thrown& seen) {
  Registry::Tried tried;
  const ExceptionCodec* codec = registry().find(*seen.type, thrown);
  while (codec != nullptr && !says_little(*codec, *seen.type)) {
    Buffer body;
    if (codec->write(body, thrown)) return write_record(out, *codec, seen.text, body);
    tried.push_back(codec);
    codec = registry().next(tried, thrown);
  }
  write_own(out, RemoteError(api::type_name(*seen.type), seen.text));
}

std::exception_ptr read_record(Reader& in) {
  const std::string name = read_text(in);
  const auto number = in.plain<std::uint32_t>();
  std::string readable = read_text(in);
  const std::string text = read_text(in);
  const auto size = in.plain<std::uint64_t>();
  if (size > in.left()) detail::refuse_bytes("an exception is longer than what follows");
  Reader body({in.take(static_cast<std::size_t>(size)), static_cast<std::size_t>(size)});
  const ExceptionCodec* const codec = registry().find(name, number);
  if (codec == nullptr) return std::make_exception_ptr(RemoteError(std::move(readable), text));
  return codec->read(body, text);
}

}  // namespace

namespace detail {

bool add_exception(const ExceptionCodec& codec) {
  registry().add(codec);
  return true;
}

void write_exception(Writer& out, const std::exception_ptr& thrown) {
  if (thrown == nullptr) return write_own(out, NotSerializable("there is no exception"));
  api::Thrown seen = api::describe(thrown);
  seen.text = bounded(std::move(seen.text));
  try {
    write_known_or_remote(out, thrown, seen);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    write_own(out, NotSerializable("an exception of type " + api::type_name(*seen.type) +
                                   " cannot travel: " + error.what() + "; its text was: " + seen.text));
  } catch (...) {
    write_own(out, NotSerializable("an exception of type " + api::type_name(*seen.type) +
                                   " cannot travel; its text was: " + seen.text));
  }
}

std::exception_ptr read_exception(Reader& in) {
  try {
    return read_record(in);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const NotSerializable&) {
    return std::current_exception();
  } catch (const std::exception& error) {
    return std::make_exception_ptr(NotSerializable(error.what()));
  } catch (...) {
    return std::make_exception_ptr(NotSerializable("an exception cannot be rebuilt"));
  }
}

}  // namespace detail

}  // namespace muster
