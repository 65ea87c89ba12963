// unknown: always offered, chosen only when nothing else is. Lists what was seen and what would decide.
#include <fmt/format.h>

#include <csignal>

#include "base/signal_names.h"
#include "base/text.h"
#include "diagnose/narrate.h"
#include "diagnose/rerun.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

std::string ending(const Facts& facts) {
  const Death& death = facts.evidence.death;
  if (death.kind == "exit") {
    const int status = death.exit_code.value_or(0);
    return fmt::format("The program exited with status {}", status);
  }
  if (death.kind == "none") return "The program is still running";
  if (death.signal)
    return fmt::format("The program died of {}{}", signal_name(*death.signal),
                       death.code ? fmt::format(" (si_code {})", *death.code) : "");
  return "The program ended";
}

bool core_would_help(const Facts& facts) {
  return facts.crashed == nullptr && facts.evidence.death.kind == "signal";
}

}  // namespace

std::optional<Candidate> unknown(const Facts& facts) {
  Candidate candidate{.slug = "unknown", .confidence = Confidence::kPossible, .score = 0};
  candidate.summary = ending(facts) + "; the evidence does not say why.";
  candidate.evidence.push_back(ending(facts) + ".");
  if (const Fault* fault = facts.fault(); facts.memory_fault() && fault != nullptr && fault->address)
    candidate.evidence.push_back(fmt::format("It {}, {}.", access_phrase(*fault), describe_place(*fault)));
  if (!facts.text.last_line.empty()) candidate.evidence.push_back("Last line on stderr: " + facts.text.last_line);
  add_common_evidence(facts, candidate);
  for (const std::string& limit : facts.evidence.capture.limits) candidate.evidence.push_back(limit);
  if (facts.memory_fault() || facts.aborted()) candidate.experiments = memory_experiments(facts);
  if (core_would_help(facts))
    candidate.experiments.insert(
        candidate.experiments.begin(),
        "ulimit -c unlimited, then " + rerun(facts, "PYTHONFAULTHANDLER=1") + "   # keeps a core and the Python stack");
  return candidate;
}

}  // namespace segwhy
