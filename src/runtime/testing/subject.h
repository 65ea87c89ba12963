// The program that the runtime's tests run, plain and under the runtime: each command does one thing and prints what
// it saw. Built without sanitizers, like the programs that the runtime is for.
#pragma once

#include <stddef.h>

namespace segwhy::runtime::testing {

struct Command {
  const char* name;
  int (*run)(int argc, char** argv);  // argv[0] is the first argument behind the name
};

// One table per theme, ended by an entry without a name.
extern const Command kCrashCommands[];
extern const Command kHandlerCommands[];
extern const Command kViewCommands[];
extern const Command kProcessCommands[];
extern const Command kStderrCommands[];
extern const Command kHeapCommands[];
extern const Command kSmallCommands[];
extern const Command kLimitCommands[];
extern const Command kStressCommands[];
extern const Command kTransferCommands[];

// Writes to address 0x10 at the symbol faulting_instruction, and at no other.
extern "C" void write_to_null();
extern "C" const char faulting_instruction[];

[[nodiscard]] bool all_bytes(const unsigned char* block, size_t size, unsigned char value);

// The number in argv[index], or `fallback`.
int argument(int argc, char** argv, int index, int fallback);

}  // namespace segwhy::runtime::testing
