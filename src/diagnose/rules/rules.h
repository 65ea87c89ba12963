// One rule per cause; each says in its own file what it takes for evidence and what must not pass for it.
#pragma once

#include <optional>
#include <span>

#include "diagnose/candidate.h"

namespace segwhy {

// Memory
std::optional<Candidate> null_pointer(const Facts& facts);
std::optional<Candidate> wild_pointer(const Facts& facts);
std::optional<Candidate> write_to_read_only(const Facts& facts);
std::optional<Candidate> bad_jump(const Facts& facts);
std::optional<Candidate> stack_overflow(const Facts& facts);
std::optional<Candidate> heap_corruption(const Facts& facts);
std::optional<Candidate> double_free(const Facts& facts);
std::optional<Candidate> invalid_free(const Facts& facts);
std::optional<Candidate> use_after_free(const Facts& facts);
std::optional<Candidate> uninitialised_read(const Facts& facts);
// Memory, by the heap's history
std::optional<Candidate> out_of_bounds(const Facts& facts);
std::optional<Candidate> freed_block(const Facts& facts);
std::optional<Candidate> second_free(const Facts& facts);
std::optional<Candidate> free_of_no_block(const Facts& facts);
std::optional<Candidate> free_of_another_kind(const Facts& facts);
// Aborts
std::optional<Candidate> check_failed(const Facts& facts);
std::optional<Candidate> uncaught_exception(const Facts& facts);
std::optional<Candidate> assertion(const Facts& facts);
std::optional<Candidate> python_fatal(const Facts& facts);
std::optional<Candidate> abort_called(const Facts& facts);
// CPU
std::optional<Candidate> illegal_instruction(const Facts& facts);
std::optional<Candidate> divide_by_zero(const Facts& facts);
std::optional<Candidate> trap(const Facts& facts);
// Files and limits
std::optional<Candidate> truncated_mapping(const Facts& facts);
std::optional<Candidate> shared_memory_exhausted(const Facts& facts);
std::optional<Candidate> out_of_memory(const Facts& facts);
std::optional<Candidate> memory_growth_verdict(const Facts& facts);
std::optional<Candidate> allocation_failed(const Facts& facts);
std::optional<Candidate> thread_limit(const Facts& facts);
// Environment
std::optional<Candidate> library_conflict(const Facts& facts);
std::optional<Candidate> openmp_duplicate(const Facts& facts);
std::optional<Candidate> abi_mismatch(const Facts& facts);
std::optional<Candidate> allocator_mismatch(const Facts& facts);
// Process
std::optional<Candidate> fork_after_threads(const Facts& facts);
std::optional<Candidate> exit_teardown(const Facts& facts);
std::optional<Candidate> killed(const Facts& facts);
std::optional<Candidate> deadlock(const Facts& facts);
std::optional<Candidate> python_exception(const Facts& facts);
std::optional<Candidate> ok(const Facts& facts);
// Always answers: what was seen and what would decide.
std::optional<Candidate> unknown(const Facts& facts);

// All of the above.
[[nodiscard]] std::span<const Rule> all_rules();

}  // namespace segwhy
