#include "runtime/exact/imports.h"

#include <elf.h>
#include <link.h>
#include <string.h>

namespace segwhy::runtime::exact {
namespace {

struct Search {
  const char* const* names;
  size_t count;
  bool found;
};

// What of an object's dynamic section leads to the names in its relocations. glibc has made its addresses absolute.
struct Relocations {
  const char* strings;
  const ElfW(Sym) * symbols;
  const ElfW(Rela) * lists[2];
  size_t bytes[2];
};

[[nodiscard]] Relocations relocations_of(const ElfW(Dyn) * dynamic) {
  Relocations out{};
  for (; dynamic->d_tag != DT_NULL; ++dynamic) {
    const uintptr_t value = dynamic->d_un.d_ptr;
    if (dynamic->d_tag == DT_STRTAB) out.strings = reinterpret_cast<const char*>(value);
    if (dynamic->d_tag == DT_SYMTAB) out.symbols = reinterpret_cast<const ElfW(Sym)*>(value);
    if (dynamic->d_tag == DT_JMPREL) out.lists[0] = reinterpret_cast<const ElfW(Rela)*>(value);
    if (dynamic->d_tag == DT_PLTRELSZ) out.bytes[0] = value;
    if (dynamic->d_tag == DT_RELA) out.lists[1] = reinterpret_cast<const ElfW(Rela)*>(value);
    if (dynamic->d_tag == DT_RELASZ) out.bytes[1] = value;
  }
  return out;
}

[[nodiscard]] bool is_one_of(const Search& search, const char* name) {
  for (size_t i = 0; i < search.count; ++i) {
    if (strcmp(search.names[i], name) == 0) return true;
  }
  return false;
}

[[nodiscard]] bool refers(const Relocations& relocations, const Search& search) {
  if (relocations.strings == nullptr || relocations.symbols == nullptr) return false;
  for (size_t list = 0; list < 2; ++list) {
    const size_t count = relocations.lists[list] == nullptr ? 0 : relocations.bytes[list] / sizeof(ElfW(Rela));
    for (size_t i = 0; i < count; ++i) {
      const size_t symbol = ELF64_R_SYM(relocations.lists[list][i].r_info);
      if (symbol != 0 && is_one_of(search, relocations.strings + relocations.symbols[symbol].st_name)) return true;
    }
  }
  return false;
}

// The kernel's object has relative addresses, and the runtime's own calls are not the program's.
[[nodiscard]] bool is_of_the_program(const char* path) {
  return strstr(path, "linux-vdso") == nullptr && strstr(path, "/libsegwhy.so") == nullptr && !is_system_module(path);
}

int look_in(dl_phdr_info* module, size_t, void* argument) {
  auto& search = *static_cast<Search*>(argument);
  if (!is_of_the_program(module->dlpi_name)) return 0;
  for (const ElfW(Phdr)* each = module->dlpi_phdr; each != module->dlpi_phdr + module->dlpi_phnum; ++each) {
    if (each->p_type != PT_DYNAMIC) continue;
    const auto* const dynamic = reinterpret_cast<const ElfW(Dyn)*>(module->dlpi_addr + each->p_vaddr);
    if (refers(relocations_of(dynamic), search)) search.found = true;
  }
  return search.found ? 1 : 0;
}

}  // namespace

bool is_system_module(const char* path) {
  return strstr(path, "/libc.so") != nullptr || strstr(path, "/ld-linux") != nullptr ||
         strstr(path, "/libpthread.so") != nullptr;
}

bool imports_any(const char* const* names, size_t count) {
  Search search{names, count, false};
  dl_iterate_phdr(&look_in, &search);
  return search.found;
}

}  // namespace segwhy::runtime::exact
