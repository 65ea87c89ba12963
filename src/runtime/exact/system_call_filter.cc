// The filter: traps the calls of kSystemCalls that point to where watched memory may be, in this program or in one that
// it executes, which inherits the filter. What is made again from there points to the open view and passes all of them.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "runtime/exact/system_call_table.h"
#include "runtime/exact/system_calls.h"
#include "runtime/exact/views.h"
#include "runtime/pal/syscall.h"

namespace segwhy::runtime::exact {
namespace {

constexpr uint32_t kArguments = 6;
constexpr size_t kCalls = sizeof kSystemCalls / sizeof kSystemCalls[0];
constexpr size_t kMostInstructions = 64 + kCalls * (2 + 5 * kArguments);
static_assert(kMostInstructions <= BPF_MAXINSNS);

class Program {
 public:
  void load(size_t offset) { emit(BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(offset)); }
  void load_upper_half(uint32_t argument) { load(offsetof(seccomp_data, args) + argument * 8 + 4); }

  void load_lower_half(uint32_t argument) { load(offsetof(seccomp_data, args) + argument * 8); }

  // Goes on behind the next `skipped` instructions unless the loaded word is `value`.
  void unless_equal_skip(uint32_t value, size_t skipped) {
    emit(BPF_JMP | BPF_JEQ | BPF_K, 0, static_cast<uint8_t>(skipped), value);
  }
  void if_equal_skip(uint32_t value, size_t skipped) {
    emit(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint8_t>(skipped), 0, value);
  }
  void if_at_least_skip(uint32_t value, size_t skipped) {
    emit(BPF_JMP | BPF_JGE | BPF_K, static_cast<uint8_t>(skipped), 0, value);
  }
  void answer(uint32_t action) { emit(BPF_RET | BPF_K, 0, 0, action); }

  [[nodiscard]] sock_fprog as_program() { return {static_cast<unsigned short>(length_), code_}; }

 private:
  void emit(int code, uint8_t if_true, uint8_t if_false, uint32_t value) {
    code_[length_++] = {static_cast<uint16_t>(code), if_true, if_false, value};
  }

  sock_filter code_[kMostInstructions];
  size_t length_ = 0;
};

// Most calls are done with here: none of their argument registers leads into the views, meant or left over.
void allow_what_leads_elsewhere(Program& program, uint32_t window) {
  for (uint32_t argument = 0; argument < kArguments; ++argument) {
    program.load_upper_half(argument);
    program.if_equal_skip(window, 2 * (kArguments - argument) - 1);
  }
  program.answer(SECCOMP_RET_ALLOW);
}

void trap_pointers(Program& program, uint32_t window) {
  program.load(offsetof(seccomp_data, nr));
  for (const SystemCall& call : kSystemCalls) {
    const auto pointers = static_cast<size_t>(__builtin_popcount(call.pointers));
    program.unless_equal_skip(call.number, 5 * pointers + 1);
    for (uint32_t argument = 0; argument < kArguments; ++argument) {
      if ((call.pointers >> argument & 1) == 0) continue;
      program.load_upper_half(argument);
      program.unless_equal_skip(window, 3);
      program.load_lower_half(argument);
      program.if_at_least_skip(kMostViewBytes, 1);
      program.answer(SECCOMP_RET_TRAP);
    }
    program.answer(SECCOMP_RET_ALLOW);
  }
  program.answer(SECCOMP_RET_ALLOW);
}

void build(Program& program) {
  const auto window = static_cast<uint32_t>(views().watched >> 32);
  program.load(offsetof(seccomp_data, arch));
  program.if_equal_skip(AUDIT_ARCH_X86_64, 1);
  program.answer(SECCOMP_RET_ALLOW);
  allow_what_leads_elsewhere(program, window);
  trap_pointers(program, window);
}

}  // namespace

bool install_system_call_filter() {
  static Program program;  // some 20 KiB, once: too much for a stack
  build(program);
  const sock_fprog description = program.as_program();
  if (pal::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &description) == 0) return true;
  if (pal::syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0) return false;
  return pal::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &description) == 0;
}

}  // namespace segwhy::runtime::exact
