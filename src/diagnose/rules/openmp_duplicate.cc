// openmp-duplicate: several OpenMP runtimes in one process: by the runtime's own words, or because the crash is inside
// one of them while another is loaded.
//
// Near miss: two runtimes loaded and a crash elsewhere; that is common and harmless, and no more than a lead.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "diagnose/abort_origin.h"
#include "diagnose/frames.h"
#include "diagnose/loaded.h"
#include "diagnose/messages/lines.h"
#include "diagnose/narrate.h"
#include "diagnose/rerun.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

std::string list_of(const std::vector<MarkedModule>& runtimes) {
  std::vector<std::string> names;
  for (const MarkedModule& runtime : runtimes)
    names.push_back(fmt::format("{}: {}", runtime.value, describe(*runtime.module)));
  return joined(names, "; ");
}

// Different implementations; two copies of the same one are just as bad.
bool crashed_in(const Facts& facts, const std::vector<MarkedModule>& runtimes) {
  if (facts.crashed == nullptr) return false;
  const NativeFrame* frame = culprit_frame(*facts.crashed);
  if (frame == nullptr) return false;
  return std::any_of(runtimes.begin(), runtimes.end(),
                     [&](const MarkedModule& r) { return r.module->path == frame->module; });
}

void add_advice(const Facts& facts, Candidate& candidate) {
  candidate.advice.push_back(fmt::format(
      "Load one OpenMP runtime only: install the packages that bring them from one source (all conda or all pip){}.",
      facts.where ? ", or move the import at " + line_name(facts) + " behind the other one's" : ""));
  candidate.advice.push_back(
      "KMP_DUPLICATE_LIB_OK=TRUE silences the check but not the fault: wrong results and crashes remain possible.");
}

}  // namespace

std::optional<Candidate> openmp_duplicate(const Facts& facts) {
  const std::vector<MarkedModule> runtimes = modules_with(facts.evidence, "openmp");
  const auto& complaint = facts.text.library;
  const bool said = complaint && complaint->kind == text::LibraryComplaint::Kind::kOpenMp;
  const bool died = facts.evidence.death.kind == "signal" && !facts.sent_from_outside() && !facts.may_have_hung();
  if (said && (died || facts.failed_exit())) {
    Candidate candidate{.slug = "openmp-duplicate", .score = 90};
    candidate.confidence = unless_requested(facts, Confidence::kCertain);
    candidate.summary = fmt::format("A second OpenMP runtime refused to start{}: {} after {}.", at_line(facts),
                                    complaint->first, complaint->second);
    candidate.evidence.push_back("The runtime said: " + text::shortened(complaint->text, 300));
    if (!runtimes.empty()) candidate.evidence.push_back("Loaded OpenMP runtimes: " + list_of(runtimes) + ".");
    add_common_evidence(facts, candidate);
    add_advice(facts, candidate);
    return candidate;
  }
  if (!died || runtimes.size() < 2 || !crashed_in(facts, runtimes)) return std::nullopt;
  Candidate candidate{.slug = "openmp-duplicate", .confidence = Confidence::kLikely, .score = 70};
  candidate.summary = fmt::format("{} OpenMP runtimes are loaded and the crash is inside one of them{}.",
                                  runtimes.size(), in_function(facts));
  candidate.evidence.push_back("Loaded OpenMP runtimes: " + list_of(runtimes) + ".");
  add_common_evidence(facts, candidate);
  add_advice(facts, candidate);
  candidate.experiments.push_back(rerun(facts, "OMP_NUM_THREADS=1") +
                                  "   # gone with one thread: the runtimes' pools collide");
  return candidate;
}

}  // namespace segwhy
