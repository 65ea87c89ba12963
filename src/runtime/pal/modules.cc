#include "runtime/pal/modules.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>

#include "runtime/pal/atomic.h"

namespace segwhy::runtime::pal {
namespace {

// struct dl_find_object as <dlfcn.h> of glibc 2.35 and later defines it for x86-64, declared here so that the runtime
// builds and loads with older ones.
struct FoundObject {
  unsigned long long flags;
  void* map_start;
  void* map_end;
  void* link_map;
  void* frame_index;
  unsigned long long reserved[7];
};
using FindObject = int (*)(void* address, FoundObject* result);

FindObject find_object;

// For older ones. Entries are only ever added: `count` is raised when one is complete.
constexpr unsigned kMaxModules = 1024;
CodeModule table[kMaxModules];
unsigned count;

[[nodiscard]] bool is_known(uintptr_t start) {
  for (unsigned i = 0; i < load(count); ++i)
    if (table[i].start == start) return true;
  return false;
}

int note_module(dl_phdr_info* info, size_t, void*) {
  CodeModule module{UINTPTR_MAX, 0, nullptr};
  for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    const uintptr_t start = info->dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_GNU_EH_FRAME) module.frame_index = reinterpret_cast<const uint8_t*>(start);
    if (segment.p_type != PT_LOAD) continue;
    if (start < module.start) module.start = start;
    if (start + segment.p_memsz > module.end) module.end = start + segment.p_memsz;
  }
  const unsigned next = load(count);
  if (module.start >= module.end || is_known(module.start) || next == kMaxModules) return 0;
  table[next] = module;
  store(count, next + 1);
  return 0;
}

}  // namespace

void note_modules() {
  const int saved = errno;
  const auto found = reinterpret_cast<FindObject>(dlsym(RTLD_DEFAULT, "_dl_find_object"));
  store(find_object, found);
  if (found == nullptr) dl_iterate_phdr(&note_module, nullptr);  // one caller at a time: it holds the loader's lock
  errno = saved;
}

bool find_module(uintptr_t pc, CodeModule& out) {
  if (const FindObject find = load(find_object); find != nullptr) {
    FoundObject found{};
    if (find(reinterpret_cast<void*>(pc), &found) != 0) return false;
    out = {reinterpret_cast<uintptr_t>(found.map_start), reinterpret_cast<uintptr_t>(found.map_end),
           static_cast<const uint8_t*>(found.frame_index)};
    return true;
  }
  for (unsigned i = 0; i < load(count); ++i) {
    if (pc < table[i].start || pc >= table[i].end) continue;
    out = table[i];
    return true;
  }
  return false;
}

}  // namespace segwhy::runtime::pal
