#include <csignal>

#include "decode/decode.h"
#include "decode/fault_operand.h"
#include "decode/instruction.h"
#include "decode/stack_position.h"

namespace segwhy {
namespace {

constexpr int kSiKernel = 0x80;
constexpr std::uint8_t kInt3 = 0xCC;

// Page-fault error code and trap numbers of x86.
constexpr std::uint64_t kPageFault = 14;
constexpr std::uint64_t kErrorWrite = 1U << 1U;
constexpr std::uint64_t kErrorFetch = 1U << 4U;

bool is_synchronous(const SignalSnapshot& signal) {
  if (signal.code <= 0) return false;  // sent by a process
  return signal.number == SIGSEGV || signal.number == SIGBUS || signal.number == SIGILL || signal.number == SIGFPE ||
         signal.number == SIGTRAP;
}

bool is_memory_signal(const SignalSnapshot& signal) {
  return signal.number == SIGSEGV || signal.number == SIGBUS;
}

// Breakpoints leave the pc behind them; every other fault leaves it at the instruction.
TargetAddr faulting_pc(const Snapshot& snapshot, const ThreadSnapshot& thread) {
  const TargetAddr pc = thread.registers.pc();
  if (snapshot.signal->number != SIGTRAP) return pc;
  const auto before = snapshot.memory->value<std::uint8_t>(pc - 1);
  return before == kInt3 ? pc - 1 : pc;
}

struct PageFaultBits {
  std::optional<bool> write, fetch;
};

PageFaultBits page_fault_bits(const SignalSnapshot& signal) {
  const bool valid = signal.page_fault_error && (signal.trap_number == 0 || signal.trap_number == kPageFault);
  if (!valid || !is_memory_signal(signal)) return {};
  return {(*signal.page_fault_error & kErrorWrite) != 0, (*signal.page_fault_error & kErrorFetch) != 0};
}

// The code itself could not be fetched: the address is the pc, or in the page that the instruction runs into.
bool is_fetch(const Snapshot& snapshot, const ThreadSnapshot& thread, std::uint64_t address,
              const PageFaultBits& bits) {
  if (bits.fetch) return *bits.fetch;
  const std::uint64_t pc = thread.registers.pc().value();
  if (address == pc) {
    const Mapping* mapping = snapshot.mapping_of(TargetAddr(pc));
    return mapping == nullptr || !mapping->executable;
  }
  return false;
}

// Under a mask (AVX-512) only some lanes are accessed; which ones, the mask register tells, and that is not captured. A
// gather's lanes have addresses of their own: the one that faulted is known.
bool is_masked(const Decoded& decoded, const OperandMatch& match) {
  const ZydisRegister mask = decoded.instruction.avx.mask.reg;
  const bool lanes = decoded.operands.at(match.index).mem.type == ZYDIS_MEMOP_TYPE_VSIB;
  return mask != ZYDIS_REGISTER_NONE && mask != ZYDIS_REGISTER_K0 && !lanes;
}

void set_operand(Fault& fault, const Decoded& decoded, const OperandMatch& match) {
  fault.width = is_masked(decoded, match) ? 0 : match.width;
  const int index = operand_indices(decoded)[match.index];
  if (index >= 0) fault.operand = static_cast<std::uint32_t>(index);
}

void set_direction(Fault& fault, const PageFaultBits& bits, const OperandMatch* match) {
  if (bits.write) {
    fault.access = *bits.write ? "write" : "read";
    fault.access_source = "page-fault";
  } else if (match != nullptr) {
    // The CPU checks an operand that it both reads and writes for writing.
    fault.access = match->written ? "write" : "read";
    fault.access_source = "instruction";
  }
}

void set_execute(Fault& fault, const PageFaultBits& bits) {
  fault.access = "execute";
  fault.access_source = bits.fetch ? "page-fault" : "instruction";
  fault.width = 0;
}

// The kernel gave an address.
void explain_address(Fault& fault, const Snapshot& snapshot, const ThreadSnapshot& thread, const Decoded* decoded) {
  const PageFaultBits bits = page_fault_bits(*snapshot.signal);
  const std::uint64_t address = snapshot.signal->address.value();
  fault.address = address;
  fault.address_source = "siginfo";
  if (is_fetch(snapshot, thread, address, bits)) return set_execute(fault, bits);

  const auto match =
      decoded == nullptr ? std::nullopt : operand_covering(*decoded, thread.registers, address, bits.write);
  set_direction(fault, bits, match ? &*match : nullptr);
  if (!match) return;
  set_operand(fault, *decoded, *match);
  constexpr std::uint64_t kPageMask = ~std::uint64_t{4095};
  fault.crosses_page = match->address < address && (match->address & kPageMask) != (address & kPageMask);
}

// The kernel gave none: a general-protection or stack-segment fault. The operands have to tell.
void explain_refused(Fault& fault, const Snapshot& snapshot, const ThreadSnapshot& thread, const Decoded* decoded) {
  const std::uint64_t pc = thread.registers.pc().value();
  if (!is_canonical(pc)) {  // some CPUs transfer control first and fault on the fetch
    fault.address = pc;
    fault.address_source = "pc";
    fault.non_canonical = true;
    return set_execute(fault, {});
  }
  if (decoded == nullptr) return;
  const Refusal refusal = explain_refusal(*decoded, thread.registers, *snapshot.memory);
  if (!refusal.address) return;
  fault.address = refusal.address;
  fault.address_source = "operand";
  fault.misaligned = refusal.misaligned;
  if (refusal.execute) return set_execute(fault, {});
  set_operand(fault, *decoded, *refusal.operand);
  set_direction(fault, {}, &*refusal.operand);
}

}  // namespace

std::optional<Fault> describe_fault(const Snapshot& snapshot) {
  const ThreadSnapshot* thread = snapshot.crashed_thread();
  if (thread == nullptr || !snapshot.signal || !is_synchronous(*snapshot.signal) || snapshot.memory == nullptr) {
    return std::nullopt;
  }
  const SignalSnapshot& signal = *snapshot.signal;
  Fault fault;
  std::optional<Decoded> decoded;
  if (thread->registers_known) {
    decoded = decode_at(*snapshot.memory, faulting_pc(snapshot, *thread));
    if (decoded) fault.instruction = describe_instruction(*decoded, thread->registers, *snapshot.memory);
  }
  const Decoded* instruction = decoded ? &*decoded : nullptr;
  if (!is_memory_signal(signal)) {
    fault.address = thread->registers_known ? faulting_pc(snapshot, *thread).value() : signal.address.value();
    fault.address_source = thread->registers_known ? "pc" : "siginfo";
  } else if (signal.code == kSiKernel) {
    if (thread->registers_known) explain_refused(fault, snapshot, *thread, instruction);
  } else {
    explain_address(fault, snapshot, *thread, instruction);
  }
  if (fault.address && !is_canonical(*fault.address)) fault.non_canonical = true;
  place_among_mappings(fault, snapshot);
  place_on_stacks(fault, snapshot, *thread);
  return fault;
}

}  // namespace segwhy
