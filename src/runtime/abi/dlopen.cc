// dlopen(3). libc decides by the caller's address where it looks for a library (its RUNPATH, its namespace), so the
// call is handed on by a jump: libc sees the return address, and the stack, of who called it.
#include <dlfcn.h>

#include "runtime/abi/export.h"
#include "runtime/pal/atomic.h"
#include "runtime/python/loading.h"

namespace {

using Dlopen = void* (*)(const char* file, int mode);
Dlopen next;

void* no_dlopen(const char*, int) {
  return nullptr;
}

}  // namespace

// The function to go on with.
extern "C" __attribute__((visibility("hidden"), used)) Dlopen segwhy_before_dlopen() {
  segwhy::runtime::python::before_library_load();
  if (segwhy::runtime::pal::load(next) == nullptr) {
    const auto found = reinterpret_cast<Dlopen>(dlsym(RTLD_NEXT, "dlopen"));
    segwhy::runtime::pal::store(next, found != nullptr ? found : &no_dlopen);
  }
  return segwhy::runtime::pal::load(next);
}

extern "C" __attribute__((visibility("default"), naked)) void* dlopen(const char*, int) noexcept {
  asm("endbr64\n\t"
      "pushq %rdi\n\t"
      ".cfi_adjust_cfa_offset 8\n\t"
      "pushq %rsi\n\t"
      ".cfi_adjust_cfa_offset 8\n\t"
      "subq $8, %rsp\n\t"
      ".cfi_adjust_cfa_offset 8\n\t"
      "call segwhy_before_dlopen\n\t"
      "addq $8, %rsp\n\t"
      ".cfi_adjust_cfa_offset -8\n\t"
      "popq %rsi\n\t"
      ".cfi_adjust_cfa_offset -8\n\t"
      "popq %rdi\n\t"
      ".cfi_adjust_cfa_offset -8\n\t"
      "jmp *%rax");
}
