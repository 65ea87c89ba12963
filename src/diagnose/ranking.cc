#include "diagnose/ranking.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace segwhy {
namespace {

constexpr std::size_t kMostAlternatives = 5;
constexpr std::size_t kMostExperiments = 5;

bool is_believed(const Candidate& c) {
  return c.confidence != Confidence::kPossible;
}

template <class List, class Item>
bool holds(const List& list, const Item& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

void add_factor(Verdict& verdict, const std::string& factor) {
  if (factor != verdict.verdict_class && !holds(verdict.factors, factor)) verdict.factors.push_back(factor);
}

void add_alternative(Verdict& verdict, Alternative alternative) {
  const auto same = [&](const Alternative& a) { return a.verdict_class == alternative.verdict_class; };
  if (alternative.verdict_class == verdict.verdict_class || holds(verdict.factors, alternative.verdict_class)) return;
  if (verdict.alternatives.size() >= kMostAlternatives) return;
  if (std::none_of(verdict.alternatives.begin(), verdict.alternatives.end(), same))
    verdict.alternatives.push_back(std::move(alternative));
}

// What a loser adds to the verdict: see the header.
void add_loser(Verdict& verdict, CauseKind winner, const Candidate& loser) {
  const CauseKind kind = kind_of(loser.slug);
  if (kind == CauseKind::kOutcome) return;
  // "Belongs to nothing known" is what is said when nothing better is: beside a cause it explains nothing.
  const bool tells_how = kind == CauseKind::kMechanism && winner == CauseKind::kCause && loser.slug != "wild-pointer";
  if (tells_how && is_believed(loser)) {
    add_factor(verdict, loser.slug);
    for (const std::string& fact : loser.evidence)
      if (!holds(verdict.evidence, fact)) verdict.evidence.push_back(fact);
    return;
  }
  if (verdict.confidence == Confidence::kCertain && winner != CauseKind::kOutcome) return;
  add_alternative(verdict, {loser.slug, loser.evidence.empty() ? loser.summary : loser.evidence.front()});
}

}  // namespace

CauseKind kind_of(std::string_view slug) {
  static constexpr std::array<std::string_view, 4> kOutcomes = {"abort", "killed", "ok", "unknown"};
  static constexpr std::array<std::string_view, 18> kMechanisms = {"use-after-free",
                                                                   "out-of-bounds-read",
                                                                   "out-of-bounds-write",
                                                                   "double-free",
                                                                   "invalid-free",
                                                                   "null-pointer",
                                                                   "uninitialised-read",
                                                                   "heap-corruption",
                                                                   "wild-pointer",
                                                                   "write-to-read-only",
                                                                   "bad-jump",
                                                                   "check-failed",
                                                                   "uncaught-exception",
                                                                   "assertion",
                                                                   "python-fatal",
                                                                   "divide-by-zero",
                                                                   "trap",
                                                                   "python-exception"};
  if (holds(kOutcomes, slug)) return CauseKind::kOutcome;
  return holds(kMechanisms, slug) ? CauseKind::kMechanism : CauseKind::kCause;
}

bool outranks(const Candidate& a, const Candidate& b) {
  if (is_believed(a) != is_believed(b)) return is_believed(a);
  const CauseKind kind_a = kind_of(a.slug);
  const CauseKind kind_b = kind_of(b.slug);
  // Among mere leads the kind says nothing, except that an outcome explains least.
  const bool compare_kinds = is_believed(a) || kind_a == CauseKind::kOutcome || kind_b == CauseKind::kOutcome;
  if (compare_kinds && kind_a != kind_b) return kind_a > kind_b;
  if (a.confidence != b.confidence) return a.confidence > b.confidence;
  if (a.score != b.score) return a.score > b.score;
  return a.slug < b.slug;
}

Verdict choose(std::vector<Candidate> candidates) {
  std::sort(candidates.begin(), candidates.end(), outranks);
  Candidate& winner = candidates.front();
  const CauseKind kind = kind_of(winner.slug);
  Verdict verdict;
  verdict.verdict_class = winner.slug;
  verdict.confidence = winner.confidence;
  verdict.summary = std::move(winner.summary);
  verdict.evidence = std::move(winner.evidence);
  verdict.advice = std::move(winner.advice);
  verdict.where = std::move(winner.where);
  verdict.framework = std::move(winner.framework);
  for (const std::string& factor : winner.factors) add_factor(verdict, factor);
  const bool open = verdict.confidence != Confidence::kCertain;
  if (open)
    for (Alternative& alternative : winner.alternatives) add_alternative(verdict, std::move(alternative));
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    add_loser(verdict, kind, candidates[i]);
    // What an outcome noticed beside it (a trend of the memory) has no part in a cause that was found.
    if (kind_of(candidates[i].slug) != CauseKind::kOutcome)
      for (const std::string& factor : candidates[i].factors) add_factor(verdict, factor);
  }
  verdict.experiments = std::move(winner.experiments);
  if (verdict.experiments.size() > kMostExperiments) verdict.experiments.resize(kMostExperiments);
  return verdict;
}

}  // namespace segwhy
