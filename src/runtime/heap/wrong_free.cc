#include "runtime/heap/wrong_free.h"

#include <stdlib.h>
#include <sys/auxv.h>

#include "runtime/heap/near_stack.h"
#include "runtime/heap/small_table.h"
#include "runtime/pal/modules.h"
#include "runtime/trace/stacks.h"

namespace segwhy::runtime::heap {
namespace {

// The kernel's sixteen random bytes lie right above the main thread's first frame.
[[nodiscard]] bool is_on_callers_stack(const void* block, const Caller& caller) {
  return is_near_stack(reinterpret_cast<uintptr_t>(block), reinterpret_cast<uintptr_t>(caller.frame),
                       reinterpret_cast<uintptr_t>(__builtin_thread_pointer()), getauxval(AT_RANDOM));
}

// Data and text of programs and libraries.
[[nodiscard]] bool is_in_module(const void* block) {
  pal::CodeModule module{};
  return pal::find_module(reinterpret_cast<uintptr_t>(block), module);
}

void note(const WrongFree& wrong) {
  (void)report_wrong({wrong.kind, wrong.block, wrong.stack, wrong.address, 0, nullptr, nullptr, 0, 0, 0});
}

}  // namespace

void die_of_wrong_free(const WrongFree& wrong) {
  note(wrong);
  abort();
}

void refuse_stray_free(const void* block, const Caller& caller) {
  const auto address = reinterpret_cast<uintptr_t>(block);
  const bool impossible = is_on_callers_stack(block, caller) || is_in_module(block);
  const SmallRef around = impossible ? SmallRef{} : find_small_around(block);
  if (!impossible && !around) return;
  const uint32_t stack = trace::intern_stack(caller.return_address, caller.frame);
  if (!around) return note({wire::kFindingInvalidFree, nullptr, stack, address});
  const wire::BlockRecord record = record_of(around);
  die_of_wrong_free({wire::kFindingInvalidFree, &record, stack, address});
}

}  // namespace segwhy::runtime::heap
