#include "diagnose/diagnose.h"

#include "diagnose/facts.h"
#include "diagnose/ranking.h"
#include "diagnose/rules/rules.h"

namespace segwhy {

Verdict diagnose(const Case& evidence) {
  const Facts facts(evidence);
  std::vector<Candidate> candidates;
  for (const Rule rule : all_rules())
    if (auto candidate = rule(facts)) candidates.push_back(std::move(*candidate));
  Verdict verdict = choose(std::move(candidates));
  if (verdict.where) return verdict;
  verdict.where = facts.where;
  if (!facts.where_reason.empty()) verdict.evidence.push_back(facts.where_reason);
  return verdict;
}

}  // namespace segwhy
