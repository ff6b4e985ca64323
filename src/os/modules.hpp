#pragma once
// The contract with the loader: which module a function lies in, and where in another process the same function is.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace muster::os {

// Where a function is, in words that another process of the same program understands. Plain bytes.
struct CodePlace {
  std::array<std::byte, 32> build_id{};  // of the module; ids have 8, 16 or 20 bytes
  std::uint32_t build_id_size = 0;       // 0: it has none, and only the address is left
  std::uint32_t distinct_size = 0;       // so many bytes of it are no other module's, where the place was asked for
  std::uint64_t offset = 0;              // from where the module is loaded
  std::uint64_t address = 0;             // in the process that asked: the same in its forked copies

  friend bool operator==(const CodePlace&, const CodePlace&) = default;
};

// Nothing where `function` lies in no loaded module's code.
std::optional<CodePlace> place_of(const void* function);
// The function at `place` in this process; null where there is no module with that build id, or no code there. Of the
// id its first bytes are enough.
void* code_at(const CodePlace& place);

// Whether the program itself has a build id, by which another execution of it knows its functions.
bool program_has_build_id() noexcept;

// What the loader calls the function, as the compiler wrote it; empty where it does not know. It knows those that a
// module shows to others.
std::string symbol_of(const void* function);

}  // namespace muster::os
