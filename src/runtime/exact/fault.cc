#include "runtime/exact/fault.h"

#include <string.h>

#include "runtime/exact/blocks.h"
#include "runtime/exact/code_cache.h"
#include "runtime/exact/code_origin.h"
#include "runtime/exact/findings.h"
#include "runtime/exact/gather.h"
#include "runtime/exact/operand.h"
#include "runtime/exact/stubs.h"
#include "runtime/exact/system_calls.h"
#include "runtime/exact/views.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/guarded_copy.h"
#include "runtime/pal/registers.h"

namespace segwhy::runtime::exact {
namespace {

constexpr uint64_t kInstructionFetch = 0x10;  // in the page-fault error code

[[nodiscard]] uintptr_t fault_address(const siginfo_t& info) {
  return reinterpret_cast<uintptr_t>(info.si_addr);
}

void resume_at(ucontext_t& context, uintptr_t pc) {
  context.uc_mcontext.gregs[REG_RIP] = static_cast<greg_t>(pc);
}

// What cannot be carried out is not watched.
void stop_watching(uintptr_t address, wire::WatchEnd reason) {
  const uint32_t block = nearest_block(address);
  if (block == kNoBlock) return open_page(address);
  if (wire::AccessTable* const table = access_table(); table != nullptr && reason == wire::kWatchUnsupported) {
    pal::fetch_add(table->unsupported, 1);
  }
  open_block(block, reason);
}

// Only a touch that explains the fault is believed.
[[nodiscard]] bool explains(const Touches& touches, uintptr_t address) {
  const uintptr_t page = address / kPageBytes;
  for (int i = 0; i < touches.count; ++i) {
    const Touched& each = touches.items[i];
    if (each.begin != each.end && page >= each.begin / kPageBytes && page <= (each.end - 1) / kPageBytes) return true;
  }
  return false;
}

// A compare or scan may end before it has gone through all: only its first element is certain.
[[nodiscard]] Touched certain_part(const Instruction& instruction, const ucontext_t& context, Touched touched) {
  if (!instruction.may_stop) return touched;
  constexpr uint64_t kDirectionFlag = 0x400;
  if ((pal::reg(context, REG_EFL) & kDirectionFlag) != 0) return {touched.end - instruction.width, touched.end, kRead};
  return {touched.begin, touched.begin + instruction.width, kRead};
}

void observe_all(const Trapped& trapped, const Instruction& instruction, const Touches& touches) {
  if (trapped.origin == CodeOrigin::kRuntime) return;
  for (int i = 0; i < touches.count; ++i) {
    // Which bytes it writes is not known.
    if (!instruction.checked && (touches.items[i].accesses & kWrite) != 0) note_block_written(touches.items[i].begin);
    if (!instruction.checked) continue;
    if (is_watched(touches.items[i].begin)) {
      observe(trapped, certain_part(instruction, trapped.context, touches.items[i]));
    }
  }
}

// Which registers of an instruction that names no operand lead into the watched view.
[[nodiscard]] uint8_t shifts_of(const Instruction& instruction, const ucontext_t& context) {
  uint8_t shifts = 0;
  if (instruction.through_rsi && is_watched(pal::reg(context, REG_RSI))) shifts |= kShiftRsi;
  if (instruction.through_rdi && is_watched(pal::reg(context, REG_RDI))) shifts |= kShiftRdi;
  if (instruction.through_rbx) shifts |= kShiftRbx;
  return shifts;
}

[[nodiscard]] bool run_stub(ucontext_t& context, CodeEntry& entry, uint8_t shifts) {
  const uintptr_t stub = stub_of(entry, shifts);
  if (stub == 0) return false;
  resume_at(context, stub);
  return true;
}

enum class Done { kYes, kUnsupported, kStackFault };

// call through memory: the stub's own address must not become the return address.
[[nodiscard]] Done call(ucontext_t& context, const Instruction& instruction, uintptr_t operand) {
  uint64_t target = 0;
  if (instruction.width != sizeof target) return Done::kUnsupported;
  memcpy(&target, reinterpret_cast<const void*>(open_address(operand)), sizeof target);
  const uint64_t return_address = pal::program_counter(context) + instruction.length;
  const uint64_t stack = pal::stack_pointer(context) - sizeof return_address;
  if (pal::guarded_copy(reinterpret_cast<void*>(stack), &return_address, sizeof return_address) !=
      sizeof return_address) {
    return Done::kStackFault;
  }
  set_general_register(context, kStackPointer, stack);
  resume_at(context, target);
  return Done::kYes;
}

[[nodiscard]] Done gather(const Trapped& trapped, const Instruction& instruction) {
  const auto seen = [](void* argument, const Touched& element) {
    observe(*static_cast<const Trapped*>(argument), element);
  };
  return complete_watched_elements(trapped.context, instruction, seen, const_cast<Trapped*>(&trapped))
             ? Done::kYes
             : Done::kUnsupported;
}

[[nodiscard]] Done carry_out_at(const Trapped& trapped, CodeEntry& entry) {
  const Instruction& instruction = entry.instruction;
  ucontext_t& context = trapped.context;
  if (instruction.form == Form::kUnsupported) return Done::kUnsupported;
  if (instruction.form == Form::kGather || instruction.form == Form::kScatter) return gather(trapped, instruction);

  const Touches touches = touched_by(context, instruction);
  if (!explains(touches, fault_address(trapped.info))) return Done::kUnsupported;
  observe_all(trapped, instruction, touches);
  if (instruction.form == Form::kCall) return call(context, instruction, touches.items[0].begin);
  const uint8_t shifts = instruction.form == Form::kImplicit ? shifts_of(instruction, context) : uint8_t{0};
  if (instruction.form == Form::kImplicit && shifts == 0) return Done::kUnsupported;
  return run_stub(context, entry, shifts) ? Done::kYes : Done::kUnsupported;
}

[[nodiscard]] bool is_ours(const siginfo_t& info, const ucontext_t& context) {
  return info.si_signo == SIGSEGV && info.si_code == SEGV_ACCERR && is_used_page(fault_address(info)) &&
         (pal::reg(context, REG_ERR) & kInstructionFetch) == 0;
}

// A fault in generated code is the original instruction's; so is the address it was at.
void tell_as_original(siginfo_t& info, ucontext_t& context) {
  if (!leave_stub(context)) return;
  const uintptr_t address = fault_address(info);
  if (info.si_code > 0 && is_open_view(address)) info.si_addr = reinterpret_cast<void*>(address - kViewDistance);
}

}  // namespace

bool carry_out(siginfo_t& info, ucontext_t& context) {
  if (views().watched == 0) return false;
  if (info.si_signo == SIGSYS && carry_out_system_call(info, context)) return true;
  tell_as_original(info, context);
  if (!is_ours(info, context)) return false;

  // The kernel puts signal frames on the stack, so a stack cannot be watched.
  if (is_used_page(pal::stack_pointer(context))) {
    stop_watching(pal::stack_pointer(context), wire::kWatchStack);
    return true;
  }
  if (wire::AccessTable* const table = access_table()) pal::fetch_add(table->accesses, 1);
  const uint64_t pc = pal::program_counter(context);
  CodeEntry* const entry = find_code(pc);
  if (entry == nullptr) {
    stop_watching(fault_address(info), wire::kWatchUnsupported);
    return true;
  }
  const Trapped trapped{info, context, pc, &entry->finding, origin_of(*entry), entry};
  switch (carry_out_at(trapped, *entry)) {
    case Done::kYes:
      return true;
    case Done::kStackFault:
      info.si_addr = reinterpret_cast<void*>(pal::stack_pointer(context) - sizeof(uint64_t));
      return false;
    default:
      stop_watching(fault_address(info), wire::kWatchUnsupported);
      return true;
  }
}

}  // namespace segwhy::runtime::exact
