// allocation-failed: memory was asked for and refused: bad_alloc, MemoryError, a framework's own out-of-memory error,
// an absurd size.
//
// Near misses: a MemoryError that was caught and logged earlier, or that the program raised itself; the OOM killer
// (out-of-memory), which refuses nothing.
#include <fmt/format.h>

#include <csignal>

#include "base/text.h"
#include "diagnose/abort_origin.h"
#include "diagnose/exit_words.h"
#include "diagnose/memory_story.h"
#include "diagnose/memory_trend.h"
#include "diagnose/messages/lines.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

using text::contains_any;

bool is_allocation_type(std::string_view type) {
  return contains_any(type, {"bad_alloc", "bad_array_new_length", "MemoryError", "ResourceExhausted", "OutOfMemory"});
}

struct Refusal {
  text::AllocationFailure failure;
  Confidence confidence = Confidence::kLikely;
  std::string how_known;
};

std::optional<Refusal> from_exception_object(const Facts& facts) {
  const auto& exception = facts.evidence.messages.exception;
  const bool by_object = exception && is_allocation_type(exception->type);
  const bool by_words = facts.text.termination && is_allocation_type(facts.text.termination->type);
  // A binding that crashes while it translates the exception: how that ended is for the memory rules to say.
  const bool translated = facts.memory_fault() && by_object;
  const bool escaped = facts.aborted() && (by_object || by_words) && !facts.text.abort_text_known;
  if (!translated && !escaped) return std::nullopt;
  Refusal refusal;
  refusal.failure = facts.text.allocation.value_or(text::AllocationFailure{});
  refusal.confidence = translated ? Confidence::kPossible
                       : by_words ? belief_in_words(facts, AbortOrigin::kTerminate)
                                  : unless_requested(facts, Confidence::kLikely);
  refusal.how_known =
      by_object ? fmt::format("{} was thrown: the memory that was asked for could not be had.", exception->type)
                : fmt::format("The program printed that {} was thrown.", facts.text.termination->type);
  return refusal;
}

std::optional<Refusal> from_traceback(const Facts& facts) {
  const text::Traceback* traceback = facts.failed_exit() ? facts.text.final_traceback() : nullptr;
  // A quota of the program's own is no refusal of the machine's.
  if (traceback == nullptr || raised_by_user(*traceback)) return std::nullopt;
  auto failure = text::read_allocation_failure(traceback->type + ": " + traceback->message);
  const bool by_type = is_allocation_type(text::exception_name(*traceback));
  if (!failure && !by_type) return std::nullopt;
  Refusal refusal;
  refusal.failure = failure.value_or(text::AllocationFailure{});
  refusal.confidence = !ended_by_traceback(facts) ? Confidence::kPossible
                       : by_type                  ? Confidence::kCertain
                                                  : Confidence::kLikely;
  refusal.how_known =
      fmt::format("The program ended with {}: {}", traceback->type, text::shortened(traceback->message, 240));
  return refusal;
}

// Aborts whose text says so: a framework's check, Rust's handler, Python's start-up.
std::optional<Refusal> from_abort(const Facts& facts) {
  if (!facts.aborted() || facts.text.abort_text_known) return std::nullopt;
  const auto about = [&](const std::string& words) { return text::read_allocation_failure(words); };
  std::optional<text::AllocationFailure> failure;
  if (facts.text.check) failure = about(facts.text.check->text);
  if (!failure) failure = about(facts.text.last_line);
  if (!failure) return std::nullopt;
  return Refusal{*failure, unless_requested(facts, Confidence::kLikely),
                 "The process aborted with: " + text::shortened(failure->text, 240)};
}

std::string size_phrase(const text::AllocationFailure& failure) {
  std::string text = failure.bytes ? human_bytes(*failure.bytes) : "memory";
  if (!failure.shape.empty())
    text += fmt::format(" for shape {}{}", failure.shape, failure.dtype.empty() ? "" : " of " + failure.dtype);
  return text;
}

void add_limits(const Facts& facts, Candidate& candidate) {
  const Machine& machine = facts.evidence.machine;
  for (const auto& [name, what] :
       {std::pair{"as", "Address space (RLIMIT_AS)"}, std::pair{"data", "Data (RLIMIT_DATA)"}}) {
    const auto limit = facts.soft_limit(name);
    if (!limit) continue;
    candidate.evidence.push_back(fmt::format("{} is limited to {}.", what, human_bytes(*limit)));
    candidate.advice.push_back(
        fmt::format("Lift that limit: `ulimit -{} unlimited` before the start, or where the program sets it itself "
                    "(resource.setrlimit).",
                    std::string_view(name) == "as" ? "v" : "d"));
  }
  if (machine.memory_available && machine.memory_total)
    candidate.evidence.push_back(fmt::format("The machine has {} of memory, {} available.",
                                             human_bytes(*machine.memory_total),
                                             human_bytes(*machine.memory_available)));
  if (machine.overcommit == 2)
    candidate.evidence.push_back("vm.overcommit_memory is 2: the kernel promises no more than it has.");
  if (memory_growth(machine.samples)) candidate.factors.push_back("memory-growth");
}

}  // namespace

std::optional<Candidate> allocation_failed(const Facts& facts) {
  std::optional<Refusal> refusal;
  for (const auto source : {from_exception_object, from_traceback, from_abort})
    if (!refusal) refusal = source(facts);
  if (!refusal) return std::nullopt;
  text::AllocationFailure& failure = refusal->failure;
  const auto& account = facts.evidence.memory;
  const bool refused = account && account->refused;
  if (!failure.bytes && refused) failure.bytes = account->refused->bytes;
  Candidate candidate{.slug = "allocation-failed", .confidence = refusal->confidence, .score = 90};
  const std::string memory = failure.device.empty() ? "" : " of " + failure.device + " memory";
  candidate.summary =
      fmt::format("An allocation{} failed{}: {} could not be had.", memory, at_line(facts), size_phrase(failure));
  candidate.evidence.push_back(refusal->how_known);
  if (!failure.text.empty() && refusal->how_known.find(failure.text) == std::string::npos)
    candidate.evidence.push_back("The message: " + text::shortened(failure.text, 240));
  if (refused)
    candidate.evidence.push_back(fmt::format("The heap refused {} requests, the last one for {}.",
                                             account->refused->count, human_bytes(account->refused->bytes)));
  tell_memory(facts, facts.soft_limit("as") ? facts.soft_limit("as") : facts.soft_limit("data"), candidate);
  add_common_evidence(facts, candidate);
  const auto total = facts.evidence.machine.memory_total;
  if (failure.bytes && total && *failure.bytes > *total)
    candidate.advice.push_back(fmt::format(
        "No machine like this can hold it ({} in all): work in batches{}, or use a sparse form or a smaller type.",
        human_bytes(*total), at_line(facts)));
  else if (!failure.shape.empty())
    candidate.advice.push_back(fmt::format("Make the shape {} smaller{}: batches, a sparse form or a smaller type.",
                                           failure.shape, at_line(facts)));
  else if (facts.where)
    candidate.advice.push_back(fmt::format(
        "Print the size that {} computes before it is used: a negative or multiplied number turns into an absurd one.",
        line_name(facts)));
  add_limits(facts, candidate);
  return candidate;
}

}  // namespace segwhy
