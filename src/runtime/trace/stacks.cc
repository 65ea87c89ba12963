#include "runtime/trace/stacks.h"

#include "runtime/pal/atomic.h"

namespace segwhy::runtime::trace {
namespace {

wire::StackSection* section;

}  // namespace

void use_stacks(wire::StackSection* own) {
  pal::store(section, own);
}

void find_python() {}

uint32_t intern_stack(const void*, const void*) {
  return 0;
}

uint32_t intern_stack(const ucontext_t&) {
  return 0;
}

}  // namespace segwhy::runtime::trace
