// heap-corruption, double-free and invalid-free, as far as the allocator's own words and the place of the crash go.
//
// Without block history the culprit is not known. Two complaints say more than "something is broken": the block was
// found on the allocator's list of freed blocks (double-free), and the pointer is none the allocator gave out
// (invalid-free, only likely, because an overwritten size field makes a good block look the same).
#include <fmt/format.h>

#include <csignal>

#include "diagnose/frames.h"
#include "diagnose/narrate.h"
#include "diagnose/rerun.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

using Kind = text::HeapComplaint::Kind;

// The frame in which the allocator tripped, when the process died of a fault inside it. A null link there was
// overwritten with zeros.
const NativeFrame* crashed_inside_allocator(const Facts& facts) {
  if (!facts.memory_fault() || facts.crashed == nullptr || facts.crashed->native.empty() || is_stack_overflow(facts) ||
      is_bad_free_argument(facts))
    return nullptr;
  const NativeFrame& innermost = facts.crashed->native.front();
  return is_allocator(innermost) || is_object_teardown(innermost) ? &innermost : nullptr;
}

// `of_python`: what is broken belongs to Python's own allocator, which the C library knows nothing of.
std::vector<std::string> guarded_reruns(const Facts& facts, bool of_python) {
  std::vector<std::string> list;
  const auto& protection = facts.evidence.protection;
  if (!protection || protection->mode != "all")
    list.push_back(rerun(facts, "", "--protect all") +
                   "   # watches small blocks, too, Python's own among them: names the block that is overrun");
  if (!of_python)
    list.push_back(rerun(facts, "LD_PRELOAD=libc_malloc_debug.so.0 MALLOC_CHECK_=3") +
                   "   # glibc 2.34 and later: checks every block at each call, so it stops nearer to the culprit");
  for (std::string& experiment : memory_experiments(facts)) list.push_back(std::move(experiment));
  return list;
}

void add_culprits(const Facts& facts, Candidate& candidate) {
  for (const std::string& sentence : concurrent_activity(facts)) {
    candidate.evidence.push_back(sentence);
    candidate.alternatives.push_back({"data-race", sentence});
  }
}

Candidate from_complaint(const Facts& facts, const text::HeapComplaint& complaint, const char* slug) {
  Candidate candidate{.slug = slug, .confidence = Confidence::kLikely, .score = 90};
  candidate.evidence.push_back(fmt::format("{} aborted with: {}", complaint.allocator, complaint.text));
  add_common_evidence(facts, candidate);
  candidate.experiments = guarded_reruns(facts, false);
  return candidate;
}

std::string caller_phrase(const Facts& facts) {
  const NativeFrame* frame = facts.crashed == nullptr ? nullptr : culprit_frame(*facts.crashed);
  return frame == nullptr ? "the program" : describe(*frame);
}

}  // namespace

const text::HeapComplaint* heap_complaint(const Facts& facts) {
  if (!facts.aborted() || !facts.text.heap) return nullptr;
  const text::HeapComplaint& complaint = *facts.text.heap;
  const bool only_on_stderr = complaint.allocator == "glibc" && !facts.text.abort_text_known;
  if (only_on_stderr && facts.crashed != nullptr && !libc_called_abort(*facts.crashed)) return nullptr;
  return &complaint;
}

std::optional<Candidate> double_free(const Facts& facts) {
  const auto* complaint = heap_complaint(facts);
  if (complaint == nullptr || complaint->kind != Kind::kDoubleFree) return std::nullopt;
  Candidate candidate = from_complaint(facts, *complaint, "double-free");
  if (complaint->proven) candidate.confidence = Confidence::kCertain;
  const bool resized = facts.crashed != nullptr && is_calling(*facts.crashed, "realloc");
  candidate.summary =
      fmt::format("{}{}: {} found it on its list of freed blocks ({}).",
                  resized ? "realloc was given a block that had been freed" : "A block was freed a second time",
                  in_function(facts), complaint->allocator, complaint->text);
  candidate.advice.push_back(
      resized ? fmt::format("Find what frees the block that {} resizes{}.", caller_phrase(facts), at_line(facts))
              : fmt::format("Find the two owners of what {} releases{}: only one of them may free it.",
                            caller_phrase(facts), at_line(facts)));
  candidate.alternatives.push_back({"heap-corruption", "An overwritten list link can make a live block look freed."});
  add_culprits(facts, candidate);
  return candidate;
}

std::optional<Candidate> invalid_free(const Facts& facts) {
  const auto* complaint = heap_complaint(facts);
  if (complaint == nullptr || complaint->kind != Kind::kInvalidFree) return std::nullopt;
  Candidate candidate = from_complaint(facts, *complaint, "invalid-free");
  candidate.summary = fmt::format("{} freed a pointer that {} did not allocate ({}).", caller_phrase(facts),
                                  complaint->allocator, complaint->text);
  candidate.advice.push_back(
      fmt::format("Free it with the counterpart of what allocated it, and exactly at the address that call returned{}.",
                  at_line(facts)));
  candidate.alternatives = {
      {"heap-corruption", "An overrun that reached the block's size field makes a good pointer look invalid."},
      {"out-of-bounds-write", "The overrun itself, if that is what happened."},
      {"double-free", "The block may have been freed and merged before."},
      {"allocator-mismatch", "The block may come from another allocator."}};
  return candidate;
}

std::optional<Candidate> heap_corruption(const Facts& facts) {
  const auto* complaint = heap_complaint(facts);
  if (complaint != nullptr && complaint->kind == Kind::kMetadata) {
    Candidate candidate = from_complaint(facts, *complaint, "heap-corruption");
    candidate.summary = fmt::format("{} found its bookkeeping inconsistent ({}){}; what damaged it is not known.",
                                    complaint->allocator, complaint->text, at_line(facts));
    // "(out)": what the block's size says lies beyond the heap.
    const bool beyond = text::contains(complaint->text, "(out)");
    const Alternative elsewhere{"invalid-free", "A pointer from elsewhere has no valid bookkeeping in front of it."};
    if (beyond) candidate.alternatives.push_back(elsewhere);
    const bool may_be_double = complaint->text.starts_with("double free");
    if (may_be_double)
      candidate.alternatives.push_back(
          {"double-free", "The words fit a second free as well as an overwritten neighbour."});
    candidate.alternatives.push_back(
        {"out-of-bounds-write", "A write past the end of a block before this one overwrites exactly this."});
    candidate.alternatives.push_back({"use-after-free", "A write to a freed block changes the links kept in it."});
    if (!beyond) candidate.alternatives.push_back(elsewhere);
    add_culprits(facts, candidate);
    add(candidate.advice, argument_advice(facts));
    return candidate;
  }
  const NativeFrame* frame = crashed_inside_allocator(facts);
  if (frame == nullptr) return std::nullopt;
  const bool allocator = is_allocator(*frame);
  Candidate candidate{
      .slug = "heap-corruption", .confidence = allocator ? Confidence::kLikely : Confidence::kPossible, .score = 75};
  candidate.summary = fmt::format(
      "{} tripped over {}{}: something wrote over it earlier.", describe(*frame),
      allocator ? "the allocator's own overwritten bookkeeping" : "a Python object that is no longer intact",
      at_line(facts));
  candidate.evidence.push_back(fmt::format("The fault is inside {}, which touches only {}.", describe(*frame),
                                           allocator ? "the allocator's own data" : "objects that are alive"));
  add_common_evidence(facts, candidate);
  candidate.alternatives = {{"out-of-bounds-write", "A write past the end of a neighbouring block."},
                            {"use-after-free", "A write to, or a reference kept to, a freed block."},
                            {"double-free", "A block that is on the free list twice is handed out twice."}};
  add_culprits(facts, candidate);
  candidate.experiments = guarded_reruns(facts, is_interpreter(*frame));
  return candidate;
}

}  // namespace segwhy
