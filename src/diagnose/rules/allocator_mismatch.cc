// allocator-mismatch: a block of one allocator was given to another: an allocator refuses a pointer as not its own
// while a second allocator is loaded as a library of its own.
//
// Near miss: an allocator whose names are private to one package (marker absent) cannot receive foreign frees by
// accident.
#include <fmt/format.h>

#include "base/text.h"
#include "diagnose/frames.h"
#include "diagnose/loaded.h"
#include "diagnose/narrate.h"
#include "diagnose/rerun.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

bool is_allocator_library(const Module& module) {
  const std::string_view name = base_name(module.path);
  for (const std::string_view known :
       {"tcmalloc", "jemalloc", "mimalloc", "tbbmalloc", "hoard", "snmalloc", "rpmalloc"})
    if (name.find(known) != std::string_view::npos) return true;
  return false;
}

const Module* second_allocator(const Facts& facts) {
  for (const MarkedModule& marked : modules_with(facts.evidence, "malloc"))
    if (base_name(marked.module->path).find("segwhy") == std::string_view::npos) return marked.module;
  for (const Module& module : facts.evidence.program.modules)
    if (is_allocator_library(module)) return &module;
  return nullptr;
}

}  // namespace

std::optional<Candidate> allocator_mismatch(const Facts& facts) {
  const text::HeapComplaint* said = heap_complaint(facts);
  if (said == nullptr) return std::nullopt;
  const text::HeapComplaint& complaint = *said;
  // "Invalid size" and the like also come from foreign pointers, but just as well from an overrun.
  const bool foreign = complaint.kind == text::HeapComplaint::Kind::kInvalidFree ||
                       complaint.text.find("invalid size") != std::string::npos;
  const Module* other = second_allocator(facts);
  if (!foreign || other == nullptr) return std::nullopt;
  Candidate candidate{.slug = "allocator-mismatch", .confidence = Confidence::kLikely, .score = 80};
  candidate.summary = fmt::format("{} was given a block that is not its own{}; {} is loaded as a second allocator.",
                                  complaint.allocator, at_line(facts), base_name(other->path));
  candidate.evidence.push_back(fmt::format("{} aborted with: {}", complaint.allocator, complaint.text));
  candidate.evidence.push_back("A second allocator is loaded: " + other->path + ".");
  const std::string preload = facts.environment("LD_PRELOAD");
  if (!preload.empty()) candidate.evidence.push_back("LD_PRELOAD is " + preload + ".");
  add_common_evidence(facts, candidate);
  candidate.advice.push_back(fmt::format(
      "Free each block with the allocator that made it{}: blocks of {} go back through its own free function.",
      at_line(facts), base_name(other->path)));
  if (preload.find(base_name(other->path)) != std::string::npos)
    candidate.experiments.push_back(rerun(facts, "LD_PRELOAD=") +
                                    "   # gone without the preloaded allocator: confirmed");
  candidate.alternatives = {{"invalid-free", "The pointer may belong to no allocator at all."},
                            {"heap-corruption", "An overrun that reached the block's size field looks the same."}};
  return candidate;
}

}  // namespace segwhy
