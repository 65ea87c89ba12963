#include "runtime/exact/code_origin.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "runtime/pal/atomic.h"

namespace segwhy::runtime::exact {
namespace {

// All that look for a terminator, a byte or a difference. What copies or fills a given number of bytes is exact.
constexpr const char* kNames[] = {
    "strlen",     "strnlen",     "strchr",       "strchrnul",     "strrchr",     "index",    "rindex",   "memchr",
    "rawmemchr",  "memrchr",     "strcmp",       "strncmp",       "strcoll",     "memcmp",   "bcmp",     "__memcmpeq",
    "strcpy",     "strncpy",     "stpcpy",       "stpncpy",       "strcat",      "strncat",  "strlcpy",  "strlcat",
    "strstr",     "strspn",      "strcspn",      "strpbrk",       "strsep",      "strtok",   "strtok_r", "strcasecmp",
    "strcasestr", "strncasecmp", "strcasecmp_l", "strncasecmp_l", "wcslen",      "wcsnlen",  "wcschr",   "wcschrnul",
    "wcsrchr",    "wcscmp",      "wcsncmp",      "wcscpy",        "wcsncpy",     "wcpcpy",   "wcpncpy",  "wcscat",
    "wcsncat",    "wmemchr",     "wmemcmp",      "memmem",        "__rawmemchr", "__stpcpy", "__strdup", "__strchrnul"};

using Range = CodeRange;

constexpr uint32_t kMostRanges = 2 * (sizeof kNames / sizeof kNames[0]) + 8;
Range ranges[kMostRanges];
Range runtime_code;
uint32_t range_count;

void add_range(Range range) {
  if (range.begin < range.end && range_count < kMostRanges) ranges[range_count++] = range;
}

[[nodiscard]] bool holds(const Range& range, uintptr_t address) {
  return address >= range.begin && address < range.end;
}

// .eh_frame_hdr with its binary search table in the form that all linkers write.
struct FrameHeader {
  uint8_t version;
  uint8_t frame_encoding;
  uint8_t count_encoding;
  uint8_t table_encoding;
  int32_t frame_pointer;
  uint32_t count;
};
struct FrameEntry {
  int32_t function;  // relative to the header
  int32_t description;
};
constexpr uint8_t kUnsigned4 = 0x03, kHeaderRelativeSigned4 = 0x3b;

// The function that holds `address`: from its entry in the table to the next one.
[[nodiscard]] Range function_around(uintptr_t address, uintptr_t header_address) {
  FrameHeader header{};
  memcpy(&header, reinterpret_cast<const void*>(header_address), sizeof header);
  const bool readable = header.version == 1 && header.count_encoding == kUnsigned4 &&
                        header.table_encoding == kHeaderRelativeSigned4 && header.count > 1;
  if (!readable) return {};
  const auto* const entries = reinterpret_cast<const FrameEntry*>(header_address + sizeof header);
  const auto begin_of = [&](uint32_t index) {
    return header_address + static_cast<uintptr_t>(static_cast<intptr_t>(entries[index].function));
  };
  uint32_t low = 0, high = header.count;
  while (high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    (begin_of(middle) <= address ? low : high) = middle;
  }
  if (low + 1 >= header.count || begin_of(low) > address) return {};
  return {begin_of(low), begin_of(low + 1)};
}

struct Search {
  uintptr_t address;
  Range found;
};

int look_in_module(dl_phdr_info* module, size_t, void* argument) {
  auto& search = *static_cast<Search*>(argument);
  uintptr_t header = 0;
  bool is_here = false;
  for (const ElfW(Phdr)* each = module->dlpi_phdr; each != module->dlpi_phdr + module->dlpi_phnum; ++each) {
    const Range segment{module->dlpi_addr + each->p_vaddr, module->dlpi_addr + each->p_vaddr + each->p_memsz};
    if (each->p_type == PT_GNU_EH_FRAME) header = segment.begin;
    if (each->p_type == PT_LOAD && holds(segment, search.address)) is_here = true;
  }
  if (!is_here) return 0;
  if (header != 0) search.found = function_around(search.address, header);
  return 1;
}

// The dynamic linker's code, all of it: its string functions have no names.
int add_linker(dl_phdr_info* module, size_t, void*) {
  if (module->dlpi_addr == 0 || module->dlpi_addr != getauxval(AT_BASE)) return 0;
  for (const ElfW(Phdr)* each = module->dlpi_phdr; each != module->dlpi_phdr + module->dlpi_phnum; ++each) {
    if (each->p_type != PT_LOAD || (each->p_flags & PF_X) == 0) continue;
    const uintptr_t begin = module->dlpi_addr + each->p_vaddr;
    add_range({begin, begin + each->p_memsz});
  }
  return 1;
}

[[nodiscard]] CodeOrigin look_up(uintptr_t pc) {
  if (holds(runtime_code, pc)) return CodeOrigin::kRuntime;
  for (uint32_t index = 0; index < range_count; ++index) {
    if (holds(ranges[index], pc)) return CodeOrigin::kStringFunction;
  }
  return CodeOrigin::kProgram;
}

}  // namespace

void find_code_origins(const CodeRange& runtime) {
  runtime_code = runtime;
  range_count = 0;
  for (const char* const name : kNames) {
    Search search{reinterpret_cast<uintptr_t>(dlsym(RTLD_NEXT, name)), {}};
    if (search.address == 0) continue;
    dl_iterate_phdr(&look_in_module, &search);
    add_range(search.found);
  }
  dl_iterate_phdr(&add_linker, nullptr);
}

CodeOrigin origin_of(CodeEntry& entry) {
  const auto known = static_cast<CodeOrigin>(pal::load(entry.origin));
  if (known != CodeOrigin::kUnknown) return known;
  const CodeOrigin found = look_up(entry.pc);
  pal::store(entry.origin, static_cast<uint32_t>(found));
  return found;
}

}  // namespace segwhy::runtime::exact
