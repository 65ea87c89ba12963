#include "diagnose/rules/rules.h"

#include <array>

namespace segwhy {

std::span<const Rule> all_rules() {
  static constexpr std::array<Rule, 40> kRules = {null_pointer,
                                                  wild_pointer,
                                                  write_to_read_only,
                                                  bad_jump,
                                                  stack_overflow,
                                                  heap_corruption,
                                                  double_free,
                                                  invalid_free,
                                                  use_after_free,
                                                  uninitialised_read,
                                                  out_of_bounds,
                                                  freed_block,
                                                  second_free,
                                                  free_of_no_block,
                                                  free_of_another_kind,
                                                  check_failed,
                                                  uncaught_exception,
                                                  assertion,
                                                  python_fatal,
                                                  abort_called,
                                                  illegal_instruction,
                                                  divide_by_zero,
                                                  trap,
                                                  truncated_mapping,
                                                  shared_memory_exhausted,
                                                  out_of_memory,
                                                  memory_growth_verdict,
                                                  allocation_failed,
                                                  thread_limit,
                                                  library_conflict,
                                                  openmp_duplicate,
                                                  abi_mismatch,
                                                  allocator_mismatch,
                                                  fork_after_threads,
                                                  exit_teardown,
                                                  killed,
                                                  deadlock,
                                                  python_exception,
                                                  ok,
                                                  unknown};
  return kRules;
}

}  // namespace segwhy
