// Any code, registers and signal: the fault's description must hold together.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "decode/decode.h"
#include "unit/fake_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace segwhy;
  struct Head {
    std::uint64_t registers[Registers::kCount];
    std::uint64_t address, error, trap;
    std::uint8_t signal, code;
  } head{};
  if (size < sizeof head) return 0;
  std::memcpy(&head, data, sizeof head);
  test::FakeTarget target;
  for (std::size_t i = 0; i < Registers::kCount; ++i) {
    if (i != Registers::kRip || head.registers[i] % 2 != 0) target.thread().registers.dwarf[i] = head.registers[i];
  }
  target.code({data + sizeof head, data + size});
  SignalSnapshot& signal = target.signal(head.signal % 32, static_cast<std::int8_t>(head.code), head.address);
  if (head.error != 0) signal.page_fault_error = head.error;
  signal.trap_number = head.trap;
  const auto fault = describe_fault(target.snapshot);
  if (!fault) return 0;
  if (fault->operand && (!fault->instruction || *fault->operand >= fault->instruction->operands.size())) std::abort();
  if (fault->inside && (fault->below || fault->above)) std::abort();
  if ((fault->misaligned || fault->crosses_page) && !fault->address) std::abort();
  return 0;
}
