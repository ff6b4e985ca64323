#include "arguments.hpp"

#include <string_view>

namespace muster::cli {
namespace {

constexpr std::string_view kDisarmed = ".//";

// What starts like a disarmed name is disarmed too, lest it be given back shorter than it came.
bool is_mistaken(std::string_view argument, bool only_names) {
  return argument == "++" || argument.starts_with('[') || argument.starts_with(kDisarmed) ||
         (only_names && argument.starts_with('-'));
}

}  // namespace

std::vector<std::string> disarmed_arguments(int argc, char** argv) {
  std::vector<std::string> arguments;
  bool only_names = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!only_names && argument == "--") {
      only_names = true;
    } else {
      arguments.emplace_back(is_mistaken(argument, only_names) ? kDisarmed : "").append(argument);
    }
  }
  return arguments;
}

std::string as_given(const std::string& argument) {
  return argument.starts_with(kDisarmed) ? argument.substr(kDisarmed.size()) : argument;
}

}  // namespace muster::cli
