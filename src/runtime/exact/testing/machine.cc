#include "runtime/exact/testing/machine.h"

#include <cpuid.h>

#include <cstring>

// rdi: Machine, rsi: code.
asm(R"(
  .intel_syntax noprefix
  .text
  .globl segwhy_run_machine
  .type segwhy_run_machine, @function
segwhy_run_machine:
  push rbx
  push rbp
  push r12
  push r13
  push r14
  push r15
  push rdi
  lea rax, [rip + 1f]
  push rax
  push rsi
  mov eax, 0xe7
  xor edx, edx
  xrstor64 [rdi + 192]
  push [rdi + 128]
  popfq
  mov rax, [rdi]
  mov rcx, [rdi + 8]
  mov rdx, [rdi + 16]
  mov rbx, [rdi + 24]
  mov rbp, [rdi + 40]
  mov rsi, [rdi + 48]
  mov r8, [rdi + 64]
  mov r9, [rdi + 72]
  mov r10, [rdi + 80]
  mov r11, [rdi + 88]
  mov r12, [rdi + 96]
  mov r13, [rdi + 104]
  mov r14, [rdi + 112]
  mov r15, [rdi + 120]
  mov rdi, [rdi + 56]
  ret
1:
  push rdi
  mov rdi, [rsp + 8]
  pop [rdi + 56]
  mov [rdi], rax
  mov [rdi + 8], rcx
  mov [rdi + 16], rdx
  mov [rdi + 24], rbx
  mov [rdi + 40], rbp
  mov [rdi + 48], rsi
  mov [rdi + 64], r8
  mov [rdi + 72], r9
  mov [rdi + 80], r10
  mov [rdi + 88], r11
  mov [rdi + 96], r12
  mov [rdi + 104], r13
  mov [rdi + 112], r14
  mov [rdi + 120], r15
  pushfq
  pop [rdi + 128]
  cld
  mov eax, 0xe7
  xor edx, edx
  xsave64 [rdi + 192]
  fninit
  pop rdi
  pop r15
  pop r14
  pop r13
  pop r12
  pop rbp
  pop rbx
  ret
  .size segwhy_run_machine, . - segwhy_run_machine
  .att_syntax
)");

#define KIND(name, feature, text)                                                        \
  asm(".intel_syntax noprefix\n .text\n .globl kind_" #name "\n kind_" #name ":\n " text \
      "\n"                                                                               \
      " ret\n .att_syntax\n");
#include "runtime/exact/testing/kinds.inc"
#undef KIND

extern "C" {
void segwhy_run_machine(void* machine, const void* code);
#define KIND(name, feature, text) void kind_##name();
#include "runtime/exact/testing/kinds.inc"
#undef KIND
}

namespace segwhy::runtime::exact::testing {
namespace {

constexpr std::size_t kXmmOffset = 160;
constexpr std::size_t kHeaderOffset = 512;
constexpr std::uint64_t kComponents = 0xe7;  // x87, SSE, AVX and AVX-512, as in the assembly above

// Those of kComponents that this CPU and kernel have: a state that claims others cannot be restored.
[[nodiscard]] std::uint64_t present_components() {
  std::uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low & kComponents;
}

[[nodiscard]] bool has_component(unsigned number) {
  return (present_components() >> number & 1) != 0;
}

[[nodiscard]] std::size_t component_offset(unsigned number) {
  static unsigned offsets[8];  // asking costs tens of microseconds in a virtual machine
  unsigned size = 0, c = 0, d = 0;
  if (offsets[number] == 0) __get_cpuid_count(0xd, number, &size, &offsets[number], &c, &d);
  return offsets[number];
}

// Sets bytes of vector register `number` (0 to 15) from `at` on.
void set_vector(Machine& machine, unsigned number, const void* value, std::size_t size) {
  const auto* const bytes = static_cast<const std::uint8_t*>(value);
  std::uint8_t* const area = machine.extended;
  const auto part = [&](std::size_t offset, std::size_t from, std::size_t length) {
    if (size > from) std::memcpy(area + offset, bytes + from, size - from < length ? size - from : length);
  };
  part(kXmmOffset + number * 16, 0, 16);
  if (has_component(2)) part(component_offset(2) + number * 16, 16, 16);
  if (has_component(6)) part(component_offset(6) + number * 32, 32, 32);
}

void set_mask(Machine& machine, unsigned number, std::uint64_t value) {
  if (has_component(5)) std::memcpy(machine.extended + component_offset(5) + number * 8, &value, sizeof value);
}

void fill_vectors(Machine& machine) {
  for (unsigned number = 0; number < 16; ++number) {
    float values[16];
    for (unsigned i = 0; i < 16; ++i)
      values[i] = (i % 3 == 0 || number == 3 ? -1.5F : 2.25F) * static_cast<float>(number * 16 + i + 1);
    set_vector(machine, number, values, sizeof values);
  }
  if (!has_component(7)) return;
  for (unsigned i = 0; i < 16 * 8; ++i) {
    const double value = 0.5 * i - 20;
    std::memcpy(machine.extended + component_offset(7) + i * 8, &value, sizeof value);
  }
}

}  // namespace

#define KIND(name, feature, text) {#name, feature, &kind_##name},
const Kind kKinds[] = {
#include "runtime/exact/testing/kinds.inc"
};
#undef KIND
const std::size_t kKindCount = sizeof kKinds / sizeof kKinds[0];

bool is_available(Feature feature) {
  switch (feature) {
    case kBmi:
      return __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    case kAdx: {
      unsigned a = 0, b = 0, c = 0, d = 0;
      return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_ADX) != 0;
    }
    case kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case kAvx512:
      return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl");
    case kVbmi2:
      return __builtin_cpu_supports("avx512vbmi2");
    case kVnni:
      return __builtin_cpu_supports("avx512vnni");
    default:
      return true;
  }
}

void prepare(Machine& machine, std::uint64_t block, const void* outside) {
  const auto elsewhere = reinterpret_cast<std::uint64_t>(outside);
  std::memset(&machine, 0, sizeof machine);
  for (std::size_t i = 0; i < 16; ++i) machine.general[i] = 0x0123456789abcdef * (i + 3);
  machine.general[1] = 16;                                 // rcx: a count
  machine.general[3] = block + 256;                        // rbx
  machine.general[5] = block + 256;                        // rbp
  machine.general[6] = block + 128;                        // rsi
  machine.general[7] = block + 512;                        // rdi
  machine.general[8] = 8;                                  // r8: an index
  machine.general[9] = 700;                                // r9: a bit number behind the operand
  machine.general[10] = static_cast<std::uint64_t>(-300);  // r10: one before it
  machine.general[12] = block + 256;
  machine.general[13] = block + 256;
  machine.general[14] = elsewhere + 256;
  machine.general[15] = static_cast<std::uint64_t>(-8);
  machine.flags = 0x202 | 1;  // interrupts, carry

  const std::uint64_t present = present_components();
  std::memcpy(machine.extended + kHeaderOffset, &present, sizeof present);
  const std::uint16_t x87_control = 0x37f;
  const std::uint32_t sse_control = 0x1f80;
  std::memcpy(machine.extended, &x87_control, sizeof x87_control);
  std::memcpy(machine.extended + 24, &sse_control, sizeof sse_control);
  fill_vectors(machine);

  std::int32_t narrow[16];
  std::int64_t wide[8], addresses[8];
  for (int i = 0; i < 16; ++i) narrow[i] = (i * 7) % 32 - 8;
  for (int i = 0; i < 8; ++i) wide[i] = 20 - 5 * i;
  for (int i = 0; i < 8; ++i) addresses[i] = static_cast<std::int64_t>((i % 2 == 0 ? block : elsewhere)) + 40 * i;
  set_vector(machine, 5, narrow, sizeof narrow);
  set_vector(machine, 6, wide, sizeof wide);
  set_vector(machine, kAddressVector, addresses, sizeof addresses);
  set_mask(machine, 1, 0xb6d5);
  set_mask(machine, 2, 0x00f0'ff0f'3333'8001);
}

void clear_vector(Machine& machine, unsigned number) {
  constexpr std::uint8_t kZero[64] = {};
  set_vector(machine, number, kZero, sizeof kZero);
}

void run(Machine& machine, const void* code) {
  segwhy_run_machine(&machine, code);
}

}  // namespace segwhy::runtime::exact::testing
