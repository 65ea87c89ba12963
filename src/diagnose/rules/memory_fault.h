// What the rules for SIGSEGV and SIGBUS share. Pure and thread-safe.
#pragma once

#include <string>
#include <vector>

#include "diagnose/access.h"
#include "diagnose/addresses.h"
#include "diagnose/candidate.h"
#include "diagnose/concurrency.h"
#include "diagnose/inputs.h"
#include "diagnose/pointer_reading.h"

namespace segwhy {

// "The faulting instruction is `mov rax, [rbx]` with rbx = 0x0."; empty when it was not decoded.
[[nodiscard]] std::string instruction_sentence(const Fault& fault);

// The frames above the fault, innermost first: "Native stack: a < b < c."; empty without one.
[[nodiscard]] std::string stack_sentence(const Facts& facts);

// Execution itself went astray: see bad_jump.cc.
[[nodiscard]] bool is_jump_fault(const Facts& facts);

// The pc itself is where no code is: what can be decoded there was never executed.
[[nodiscard]] bool arrived_at_no_code(const Facts& facts);

// The thread ran out of stack: see stack_overflow.cc.
[[nodiscard]] bool is_stack_overflow(const Facts& facts);

// The interpreter's own code crashed on a thread that does not hold the GIL: see python_fatal.cc.
[[nodiscard]] bool runs_python_without_gil(const Facts& facts);

// free() or realloc() itself fell over the pointer it was handed: the caller's pointer is at fault, not the allocator's
// data.
[[nodiscard]] bool is_bad_free_argument(const Facts& facts);

// The allocator's last words, when they ended the process; nullptr else. Words like glibc's on stderr are the program's
// own when somebody else called abort().
[[nodiscard]] const text::HeapComplaint* heap_complaint(const Facts& facts);

// The evidence every memory fault has: instruction, framework, stack. Empty sentences are left out.
void add_common_evidence(const Facts& facts, Candidate& candidate);

// The same, with the inputs that this death is known to be about.
void add_common_evidence(const Facts& facts, const std::vector<Oddity>& suspects, Candidate& candidate);

// Appends unless empty.
void add(std::vector<std::string>& list, std::string sentence);

}  // namespace segwhy
