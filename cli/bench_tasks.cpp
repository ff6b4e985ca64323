#include "bench_tasks.hpp"

#include <openssl/evp.h>

#include <bit>
#include <memory>
#include <stdexcept>

namespace muster::cli::bench {
namespace {

constexpr std::size_t kBlockBytes = 4096;

struct Free {
  void operator()(EVP_MD* algorithm) const { EVP_MD_free(algorithm); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Fetched once: to look an algorithm up by name takes a lock that all workers would share.
const EVP_MD* sha256() {
  static const std::unique_ptr<EVP_MD, Free> algorithm(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  return algorithm.get();
}

EVP_MD_CTX* context_of_this_thread() {
  static thread_local const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  return context.get();
}

template <class... AnyTask>
constexpr std::array<Task, sizeof...(AnyTask)> tasks_of(const std::tuple<AnyTask...>*) {
  return {AnyTask::kTask...};
}

}  // namespace

Sha256::Digest Sha256::run(long i) {
  static_assert(std::endian::native == std::endian::little, "python3 hashes the little-endian bytes of i");
  std::array<std::uint64_t, kBlockBytes / sizeof(std::uint64_t)> block;
  block.fill(static_cast<std::uint64_t>(i));
  std::array<unsigned char, sizeof(Digest)> bytes;
  EVP_MD_CTX* context = context_of_this_thread();
  if (context == nullptr || EVP_DigestInit_ex(context, sha256(), nullptr) != 1 ||
      EVP_DigestUpdate(context, block.data(), kBlockBytes) != 1 ||
      EVP_DigestFinal_ex(context, bytes.data(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL cannot compute SHA-256");
  }
  return std::bit_cast<Digest>(bytes);
}

std::span<const Task> all_tasks() {
  static constexpr auto kTasks = tasks_of(static_cast<const Tasks*>(nullptr));
  return kTasks;
}

}  // namespace muster::cli::bench
