#pragma once
// What threading::who_waits() tells of a thread, and how a test knows that another thread waits, without sleeping.

#include <muster/dump.hpp>

#include <cstdio>
#include <string>

#include "tests/support/crowd.hpp"

namespace muster::testing {

// "Lock 0x7ffe1234", as the report writes it.
inline std::string object(const char* type, const void* at, const char* purpose = "") {
  char text[96];  // NOLINT(modernize-avoid-c-arrays)
  std::snprintf(text, sizeof(text), "%s %p%s", type, at, purpose);
  return text;
}

// The end of the line that begins with `name (`: what stands behind the colon. Empty: there is no such line.
inline std::string told_of(const std::string& name) {
  const std::string report = "\n" + threading::who_waits();
  const auto line = report.find("\n" + name + " (");
  if (line == std::string::npos) return "";
  const auto begin = report.find("): ", line) + 3;
  return report.substr(begin, report.find('\n', begin) - begin);
}

// Until so many threads, known or not, wait for something whose text begins so.
inline void await_waiting(int count, const std::string& object = "") {
  await([&] {
    const std::string report = threading::who_waits();
    const std::string waits = ": waits for " + object;
    int found = 0;
    for (auto at = report.find(waits); at != std::string::npos; at = report.find(waits, at + 1)) ++found;
    return found == count;
  });
}

// Until the thread waits for something whose text begins so.
inline void await_waiting(const std::string& name, const std::string& object) {
  await([&] { return told_of(name).starts_with("waits for " + object); });
}

}  // namespace muster::testing
