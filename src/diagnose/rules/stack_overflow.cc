// stack-overflow: the thread ran out of stack. The fault is a touch just below the thread's stack, at a place its own
// stack pointer explains.
//
// Near misses: a wild pointer that happens to fall below some stack (not near this thread's stack pointer); a fault
// just below a main stack that still had room to grow; deep recursion that died of something else.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "diagnose/frames.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"
#include "diagnose/stack_shape.h"

namespace segwhy {
namespace {

constexpr std::uint64_t kPage = 4096;
// A function with large local arrays first touches them this far from its stack pointer.
constexpr std::int64_t kLargestFrame = std::int64_t{16} << 20;
constexpr std::int64_t kUsualFrame = 64 * 1024;

struct Exhaustion {
  bool near_sp = false;            // within a usual frame of the stack pointer
  bool at_guard = false;           // in the guard page or the gap right below this thread's stack
  bool used_up = false;            // nine tenths of the stack were in use
  bool stepped_over = false;       // the stack pointer itself is below this thread's stack: one frame was larger
  bool stack_instruction = false;  // push, call or another access through rsp or rbp
  std::optional<StackCycle> native, python;
};

bool allows_access(const Fault& fault) {
  if (!fault.inside || fault.inside->permissions.size() < 2) return false;
  return fault.inside->permissions[fault.access == "write" ? 1 : 0] != '-';
}

bool through_stack_registers(const Fault& fault) {
  if (!fault.instruction) return false;
  const std::string& category = fault.instruction->category;
  if (category == "stack" || category == "call") return true;
  const Operand* operand = faulting_operand(fault);
  return operand != nullptr && (operand->base == "rsp" || operand->base == "rbp" || operand->base == "esp");
}

bool is_used_up(const Facts& facts, const Fault& fault) {
  const auto size = fault.stack_size;
  if (!size || !fault.stack_used || *size == 0) return false;
  // The first thread's stack is mapped as far as it has grown: full against its own mapping means little, full against
  // the limit means exhausted.
  const auto limit = facts.crashed != nullptr && facts.crashed->is_main ? facts.soft_limit("stack") : std::nullopt;
  const std::uint64_t capacity = limit ? std::max(*limit, *size) : *size;
  return *fault.stack_used >= capacity - capacity / 10;
}

// The stack pointer in the innermost frame lies below the thread's stack, and nothing else is mapped in between: it
// was moved there by a frame that the stack had no room for, not to another stack.
bool has_stepped_over(const Thread& thread, const Fault& fault) {
  if (!thread.stack_start || !thread.stack_end || thread.native.empty() || fault.inside || !fault.above) return false;
  const auto sp = thread.native.front().sp;
  return sp && *sp < *thread.stack_start && fault.above->start < *thread.stack_end &&
         fault.above->end + kPage >= *thread.stack_end;
}

Exhaustion exhaustion_of(const Facts& facts, const Fault& fault) {
  Exhaustion e;
  const std::int64_t distance = fault.below_sp ? std::llabs(*fault.below_sp) : INT64_MAX;
  e.near_sp = distance <= kUsualFrame;
  const bool in_reach = distance <= kLargestFrame;
  const bool own_stack = facts.crashed != nullptr && fault.stack_of_tid == facts.crashed->tid;
  const Thread* thread = facts.crashed;
  const bool below_start =
      thread != nullptr && thread->stack_start && fault.address && *fault.address < *thread->stack_start + kPage;
  e.at_guard = in_reach && (own_stack || below_start) && !allows_access(fault);
  e.used_up = is_used_up(facts, fault);
  e.stack_instruction = through_stack_registers(fault);
  if (thread != nullptr) {
    e.stepped_over = e.near_sp && has_stepped_over(*thread, fault);
    e.native = native_cycle(*thread);
    e.python = python_cycle(*thread);
  }
  return e;
}

bool is_recursion(const Exhaustion& e) {
  const auto deep = [](const std::optional<StackCycle>& cycle) { return cycle && cycle->depth >= 150; };
  return deep(e.native) || deep(e.python);
}

bool convinces(const Exhaustion& e) {
  if (e.stepped_over) return true;
  if (e.at_guard && (e.used_up || is_recursion(e))) return true;
  // The stack could not grow (RLIMIT_AS, a mapping in its way), or its size is unknown.
  if (e.at_guard && e.near_sp && e.stack_instruction) return true;
  return e.near_sp && e.used_up && e.stack_instruction;
}

std::string cycle_text(const StackCycle& cycle) {
  std::vector<std::string> names(
      cycle.functions.begin(),
      cycle.functions.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(cycle.functions.size(), 5)));
  if (names.size() < cycle.functions.size()) names.push_back("...");
  return joined(names, " < ");
}

void add_cycle_evidence(const Exhaustion& e, Candidate& candidate) {
  if (e.native) {
    std::string text =
        fmt::format("The native stack is {} frames deep and repeats: {}", e.native->depth, cycle_text(*e.native));
    if (e.native->bytes_per_round) text += fmt::format(" ({} a round)", human_bytes(*e.native->bytes_per_round));
    candidate.evidence.push_back(text + ".");
  }
  if (e.python)
    candidate.evidence.push_back(
        fmt::format("The Python stack is {} frames deep and repeats: {}.", e.python->depth, cycle_text(*e.python)));
}

// CPython and its own extension modules count Python's limit down where they recurse, but for what frees objects.
bool has_pythons_limit(const Facts& facts, const Exhaustion& e) {
  if (!e.native || facts.crashed == nullptr) return false;
  const NativeFrame* frame = culprit_frame(*facts.crashed);
  const bool own = frame != nullptr && (is_interpreter(*frame) || text::contains(frame->module, "/lib-dynload/"));
  return own && std::none_of(e.native->functions.begin(), e.native->functions.end(), [](const std::string& name) {
           return text::contains_any(name, {"dealloc", "Dealloc"});
         });
}

void add_advice(const Facts& facts, const Fault& fault, const Exhaustion& e, Candidate& candidate) {
  const bool main = facts.crashed == nullptr || facts.crashed->is_main;
  const std::string cycle = e.python ? cycle_text(*e.python) : e.native ? cycle_text(*e.native) : "";
  if (e.stepped_over)
    candidate.advice.push_back(
        fmt::format("Give {} less to put on the stack (a local array or alloca() of that size), "
                    "or move its buffer to the heap.",
                    facts.where ? line_name(facts) : culprit_phrase(facts)));
  const bool limited = e.python || has_pythons_limit(facts, e);
  if (e.native || e.python)
    candidate.advice.push_back(
        fmt::format("Limit how deeply the data or calls behind {} nest{}: {} recurses once per level.",
                    facts.where ? line_name(facts) : "this", limited ? "" : " (C code has no recursion limit)", cycle));
  if (limited)
    candidate.advice.push_back(
        "Leave sys.setrecursionlimit() at a value the stack can hold, so that Python raises RecursionError instead.");
  const auto limit = facts.soft_limit("stack");
  if (main)
    candidate.advice.push_back(fmt::format("Raise the main thread's stack before the start: `ulimit -s unlimited`{}.",
                                           limit ? fmt::format(" (now {})", human_bytes(*limit)) : ""));
  else
    candidate.advice.push_back(
        fmt::format("Give this thread a larger stack{}: threading.stack_size(64 << 20) before it is started, "
                    "OMP_STACKSIZE=64M for OpenMP threads, or `ulimit -s` where threads take the default.",
                    fault.stack_size ? fmt::format(" than its {}", human_bytes(*fault.stack_size)) : ""));
}

}  // namespace

bool is_stack_overflow(const Facts& facts) {
  const Fault* fault = facts.fault();
  return facts.memory_fault() && fault != nullptr && facts.crashed != nullptr && !is_jump_fault(facts) &&
         convinces(exhaustion_of(facts, *fault));
}

std::optional<Candidate> stack_overflow(const Facts& facts) {
  if (!facts.evidence.fault || !is_stack_overflow(facts)) return std::nullopt;
  const Fault& fault = *facts.evidence.fault;
  const Exhaustion e = exhaustion_of(facts, fault);
  Candidate candidate{.slug = "stack-overflow", .score = 80};
  const bool proven = e.at_guard && e.used_up && (e.near_sp || is_recursion(e));
  candidate.confidence = proven ? Confidence::kCertain : Confidence::kLikely;
  const std::string who = facts.crashed->is_main
                              ? "The main thread"
                              : "Thread " + std::to_string(facts.crashed->tid) +
                                    (facts.crashed->name.empty() ? "" : " (" + facts.crashed->name + ")");
  const auto used = fault.stack_used;
  if (e.stepped_over)
    candidate.evidence.push_back(
        fmt::format("The stack pointer is {} below the top of the stack, of which there are {}.",
                    human_bytes(*facts.crashed->stack_end - *facts.crashed->native.front().sp),
                    human_bytes(*facts.crashed->stack_end - *facts.crashed->stack_start)));
  candidate.summary = fmt::format("{} used up its stack{}{}", who,
                                  used ? " of " + human_bytes(fault.stack_size.value_or(*used)) : "", at_line(facts));
  // Where Python recurses the interpreter's frames only follow.
  if (e.native && !e.python)
    candidate.summary += fmt::format(", {} frames deep in {}.", e.native->depth, e.native->functions.front());
  else if (e.python)
    candidate.summary += fmt::format(", {} Python frames deep in {}.", e.python->depth, e.python->functions.front());
  else
    candidate.summary += in_function(facts) + ".";
  if (fault.below_sp)
    candidate.evidence.push_back(fmt::format("The access at {} is {} {} the stack pointer and outside the stack.",
                                             hex(fault.address.value_or(0)),
                                             human_bytes(static_cast<std::uint64_t>(std::llabs(*fault.below_sp))),
                                             *fault.below_sp >= 0 ? "below" : "above"));
  if (used && fault.stack_size)
    candidate.evidence.push_back(
        fmt::format("{} of {} of stack are in use.", human_bytes(*used), human_bytes(*fault.stack_size)));
  add_cycle_evidence(e, candidate);
  add_common_evidence(facts, candidate);
  add_advice(facts, fault, e, candidate);
  if (!proven) candidate.alternatives.push_back({"wild-pointer", "A stray pointer can fall just below a stack, too."});
  return candidate;
}

}  // namespace segwhy
