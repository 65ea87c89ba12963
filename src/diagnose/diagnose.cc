#include "diagnose/diagnose.h"

#include <utility>

#include "diagnose/facts.h"
#include "diagnose/ranking.h"
#include "diagnose/rerun.h"
#include "diagnose/rules/rules.h"

namespace segwhy {

Verdict diagnose(const Case& evidence) {
  const Facts facts(evidence);
  std::vector<Candidate> candidates;
  for (const Rule rule : all_rules())
    if (auto candidate = rule(facts)) candidates.push_back(std::move(*candidate));
  Verdict verdict = choose(std::move(candidates));
  if (std::string advice = eager_advice(facts); !advice.empty()) verdict.advice.push_back(std::move(advice));
  if (verdict.where) return verdict;
  verdict.where = facts.where;
  if (!facts.where_reason.empty()) verdict.evidence.push_back(facts.where_reason);
  return verdict;
}

}  // namespace segwhy
