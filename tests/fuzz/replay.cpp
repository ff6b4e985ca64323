// The target without libFuzzer: plays each file of the folders that are named, so that what was found once stays fixed
// under every compiler.

#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.hpp"

namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

// From memory of exactly its size, so that a sanitizer sees a step beyond.
void play(const fs::path& path) {
  const std::string text = contents(path);
  const auto bytes = std::make_unique<std::byte[]>(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) bytes[i] = static_cast<std::byte>(text[i]);
  muster::fuzz::play({bytes.get(), text.size()});
}

int play_all(std::span<char*> folders) {
  std::size_t played = 0;
  for (const char* const folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      std::printf("%s\n", entry.path().c_str());  // the last one said is the one that failed
      std::fflush(stdout);
      play(entry.path());
      ++played;
    }
  }
  std::printf("%zu inputs\n", played);
  return played > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return play_all(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "replay: %s\n", error.what());
    return 1;
  }
}
