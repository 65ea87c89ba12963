// ok: the program ended by itself, with status 0 or with one it chose.
#include <fmt/format.h>

#include "diagnose/memory_trend.h"
#include "diagnose/messages/lines.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

// 128 + N: how a shell reports a child that died of signal N.
bool looks_like_a_signal(int status) {
  return status > 128 && status <= 128 + 64;
}

}  // namespace

std::optional<Candidate> ok(const Facts& facts) {
  const Death& death = facts.evidence.death;
  if (death.kind != "exit") return std::nullopt;
  const int status = death.exit_code.value_or(0);
  Candidate candidate{.slug = "ok", .confidence = Confidence::kCertain, .score = 10};
  candidate.summary = "The program ended normally.";
  if (memory_growth(facts.evidence.machine.samples)) candidate.factors.push_back("memory-growth");
  if (status == 0) return candidate;
  candidate.confidence = Confidence::kLikely;
  candidate.summary = fmt::format("The program chose to end with status {}.", status);
  if (looks_like_a_signal(status))
    candidate.alternatives.push_back(
        {"killed",
         fmt::format("A shell ends with this status when its command died of signal {}: put `segwhy run --` in "
                     "front of that command.",
                     status - 128)});
  if (!facts.text.last_line.empty()) candidate.evidence.push_back("Last line on stderr: " + facts.text.last_line);
  return candidate;
}

}  // namespace segwhy
