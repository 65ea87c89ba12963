#include "runtime/exact/objects.h"

#include <link.h>
#include <string.h>

#include "runtime/exact/exact.h"
#include "runtime/exact/imports.h"
#include "runtime/pal/atomic.h"
#include "runtime/trace/python_layout.h"
#include "runtime/trace/stacks.h"

namespace segwhy::runtime::exact {

namespace internal {
uintptr_t object_code_begin;
size_t object_code_bytes;
}  // namespace internal

namespace {

constexpr size_t kLargestObject = 64 * 1024;
constexpr uint32_t kObjectBudget = 1000;      // accesses for which one is watched
constexpr uint32_t kAlwaysWatched = 4;        // blocks of a place; then the 8th, 16th, ...
constexpr uint32_t kAlwaysWatchedAlone = 32;  // in a program without Python, whose places are few
constexpr uint32_t kMostWatched = 4000;       // in all: the others' records are the tensors'
constexpr uint32_t kPlaces = 1u << 14;
constexpr uint32_t kPatience = 64;  // tensors until it is looked for libstdc++ again

uint8_t seen_at[kPlaces];  // atomic; blocks allocated at a place, by its stack; saturates
uint32_t watched;          // atomic
uint32_t tensors;          // atomic
bool is_alone;             // no interpreter

// What starts programs: the kernel reads the arguments wherever they lie, in a child in which all signals are blocked.
// A program that may do that has none of its blocks watched.
constexpr const char* kStarters[] = {"execve",       "execv",  "execvp",  "execvpe",  "execl",
                                     "execlp",       "execle", "fexecve", "execveat", "posix_spawn",
                                     "posix_spawnp", "system", "popen",   "wordexp"};

// The C library's and the linker's blocks are not the program's: streams, locales, thread control blocks.
constexpr uint32_t kMostSystemModules = 4;
CodeRange system_code[kMostSystemModules];
uint32_t system_modules;

int find_system_code(dl_phdr_info* module, size_t, void*) {
  if (!is_system_module(module->dlpi_name)) return 0;
  for (const ElfW(Phdr)* each = module->dlpi_phdr; each != module->dlpi_phdr + module->dlpi_phnum; ++each) {
    if (each->p_type != PT_LOAD || (each->p_flags & PF_X) == 0 || system_modules == kMostSystemModules) continue;
    const uintptr_t begin = module->dlpi_addr + each->p_vaddr;
    system_code[system_modules++] = {begin, begin + each->p_memsz};
  }
  return 0;
}

[[nodiscard]] bool is_system_code(const void* return_address) {
  const auto pc = reinterpret_cast<uintptr_t>(return_address);
  for (uint32_t i = 0; i < system_modules; ++i) {
    if (pc >= system_code[i].begin && pc < system_code[i].end) return true;
  }
  return false;
}

int find_operator_new(dl_phdr_info* module, size_t, void*) {
  if (strstr(module->dlpi_name, "libstdc++.so") == nullptr) return 0;
  for (const ElfW(Phdr)* each = module->dlpi_phdr; each != module->dlpi_phdr + module->dlpi_phnum; ++each) {
    if (each->p_type != PT_LOAD || (each->p_flags & PF_X) == 0) continue;
    pal::store(internal::object_code_begin, module->dlpi_addr + each->p_vaddr);
    pal::store(internal::object_code_bytes, each->p_memsz);
    return 1;
  }
  return 0;
}

[[nodiscard]] bool is_wanted(uint32_t stack) {
  uint8_t& seen = seen_at[stack % kPlaces];
  const uint32_t count = pal::load(seen);
  if (count == UINT8_MAX) return false;
  pal::store(seen, count + 1);
  return count < (is_alone ? kAlwaysWatchedAlone : kAlwaysWatched) || (count & (count - 1)) == 0;
}

}  // namespace

void begin_with_program() {
  constexpr size_t kNames = sizeof kStarters / sizeof kStarters[0];
  if (trace::python() != nullptr || imports_any(static_cast<const char* const*>(kStarters), kNames)) return;
  is_alone = true;
  dl_iterate_phdr(&find_system_code, nullptr);
  pal::store(internal::object_code_bytes, ~size_t{0});
}

void begin_with_objects() {
  if (internal::object_code_bytes != 0) return;
  if (pal::fetch_add(tensors, 1) % kPatience == 0) dl_iterate_phdr(&find_operator_new, nullptr);
}

void* allocate_object(size_t size, const heap::Caller& caller) {
  if (size == 0 || size > kLargestObject || pal::load(watched) >= kMostWatched) return nullptr;
  if (is_system_code(caller.return_address)) return nullptr;
  const uint32_t stack = trace::intern_stack(caller.return_address, caller.frame);
  if (stack == 0 || !is_wanted(stack)) return nullptr;
  pal::fetch_add(watched, 1);
  return allocate(size, alignof(max_align_t), stack, kObjectBudget);
}

}  // namespace segwhy::runtime::exact
