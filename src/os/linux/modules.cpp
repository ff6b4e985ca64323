#include "os/modules.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <algorithm>
#include <cstring>

namespace muster::os {
namespace {

using Header = ElfW(Nhdr);

std::size_t round_to_4(std::size_t size) { return (size + 3) / 4 * 4; }

// Looks through one segment of notes; they are aligned to 4 bytes and come with their sizes.
bool find_build_id(const std::byte* at, const std::byte* end, CodePlace& place) {
  while (static_cast<std::size_t>(end - at) >= sizeof(Header)) {
    Header header;
    std::memcpy(&header, at, sizeof header);
    const std::byte* const name = at + sizeof header;
    const std::byte* const text = name + round_to_4(header.n_namesz);
    if (static_cast<std::size_t>(end - name) < round_to_4(header.n_namesz) + header.n_descsz) return false;
    if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0 &&
        header.n_descsz <= place.build_id.size()) {
      std::copy_n(text, header.n_descsz, place.build_id.data());
      place.build_id_size = header.n_descsz;
      return true;
    }
    at = text + round_to_4(header.n_descsz);
  }
  return false;
}

void read_build_id(const dl_phdr_info& module, CodePlace& place) {
  for (int i = 0; i < module.dlpi_phnum; ++i) {
    const auto& segment = module.dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    const auto* const notes = reinterpret_cast<const std::byte*>(module.dlpi_addr + segment.p_vaddr);
    if (find_build_id(notes, notes + segment.p_memsz, place)) return;
  }
}

bool has_code_at(const dl_phdr_info& module, std::uintptr_t address) {
  return std::any_of(module.dlpi_phdr, module.dlpi_phdr + module.dlpi_phnum, [&](const auto& segment) {
    return segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0 &&
           address - module.dlpi_addr - segment.p_vaddr < segment.p_memsz;
  });
}

// Whether the id of `module` begins so.
bool begins_with(const CodePlace& module, const CodePlace& place, std::uint32_t size) {
  return module.build_id_size >= size &&
         std::equal(place.build_id.begin(), place.build_id.begin() + size, module.build_id.begin());
}

// As long as the shortest ids that linkers make.
constexpr std::uint32_t kShortId = 8;

// The whole id, or that much of a longer one. Where there are no ids all modules are alike.
bool same_module(const CodePlace& module, const CodePlace& place) {
  const bool whole = module.build_id_size == place.build_id_size;
  return (whole || place.build_id_size == kShortId) && begins_with(module, place, place.build_id_size);
}

struct Search {
  CodePlace place;
  bool found = false;
};

int look_for_address(dl_phdr_info* module, std::size_t /*size*/, void* argument) {
  auto& search = *static_cast<Search*>(argument);
  if (!has_code_at(*module, search.place.address)) return 0;
  read_build_id(*module, search.place);
  search.place.offset = search.place.address - module->dlpi_addr;
  search.found = true;
  return 1;
}

int look_for_place(dl_phdr_info* module, std::size_t /*size*/, void* argument) {
  auto& search = *static_cast<Search*>(argument);
  CodePlace here;
  read_build_id(*module, here);
  if (!same_module(here, search.place)) return 0;
  // Modules without an id are all alike: then only the address tells them apart, and only in a copy of the asker.
  const std::uintptr_t address = module->dlpi_addr + search.place.offset;
  if (here.build_id_size == 0 && address != search.place.address) return 0;
  if (!has_code_at(*module, address)) return 0;
  search.place.address = address;
  search.found = true;
  return 1;
}

struct Namesakes {
  const CodePlace& place;
  int count = 0;
};

int count_namesakes(dl_phdr_info* module, std::size_t /*size*/, void* argument) {
  auto& all = *static_cast<Namesakes*>(argument);
  CodePlace here;
  read_build_id(*module, here);
  if (begins_with(here, all.place, kShortId)) ++all.count;
  return 0;
}

std::uint32_t distinct_size(const CodePlace& place) {
  if (place.build_id_size <= kShortId) return place.build_id_size;
  Namesakes all{place};
  dl_iterate_phdr(&count_namesakes, &all);
  return all.count == 1 ? kShortId : place.build_id_size;
}

}  // namespace

std::optional<CodePlace> place_of(const void* function) {
  Search search;
  search.place.address = reinterpret_cast<std::uintptr_t>(function);
  dl_iterate_phdr(&look_for_address, &search);
  if (!search.found) return std::nullopt;
  search.place.distinct_size = distinct_size(search.place);
  return search.place;
}

void* code_at(const CodePlace& place) {
  Search search{.place = place};
  dl_iterate_phdr(&look_for_place, &search);
  return search.found ? reinterpret_cast<void*>(search.place.address) : nullptr;
}

// The loader names the program first.
bool program_has_build_id() noexcept {
  CodePlace program;
  const auto look_at_first = [](dl_phdr_info* module, std::size_t /*size*/, void* place) {
    read_build_id(*module, *static_cast<CodePlace*>(place));
    return 1;
  };
  dl_iterate_phdr(look_at_first, &program);
  return program.build_id_size != 0;
}

std::string symbol_of(const void* function) {
  Dl_info found = {};
  const bool known = dladdr(function, &found) != 0 && found.dli_sname != nullptr && found.dli_saddr == function;
  return known ? found.dli_sname : "";
}

}  // namespace muster::os
