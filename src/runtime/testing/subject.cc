#include "runtime/testing/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <initializer_list>

asm(R"(
  .text
  .globl write_to_null, faulting_instruction
  .type write_to_null, @function
write_to_null:
  .cfi_startproc
faulting_instruction:
  movl $1, 0x10
  ret
  .cfi_endproc
  .size write_to_null, . - write_to_null
)");

namespace segwhy::runtime::testing {

bool all_bytes(const unsigned char* block, size_t size, unsigned char value) {
  for (size_t i = 0; i < size; ++i) {
    if (block[i] != value) return false;
  }
  return true;
}

int argument(int argc, char** argv, int index, int fallback) {
  return index < argc ? atoi(argv[index]) : fallback;
}

}  // namespace segwhy::runtime::testing

int main(int argc, char** argv) {
  using namespace segwhy::runtime::testing;
  if (argc < 2) return 2;
  for (const Command* table : {kCrashCommands, kHandlerCommands, kViewCommands, kProcessCommands, kStderrCommands,
                               kHeapCommands, kSmallCommands, kLimitCommands, kStressCommands, kTransferCommands}) {
    for (const Command* command = table; command->name != nullptr; ++command) {
      if (strcmp(command->name, argv[1]) == 0) return command->run(argc - 2, argv + 2);
    }
  }
  fprintf(stderr, "no command %s\n", argv[1]);
  return 2;
}
