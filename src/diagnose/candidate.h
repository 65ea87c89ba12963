// Candidate: one rule's answer, before the ranking chooses.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diagnose/facts.h"
#include "diagnose/verdict.h"

namespace segwhy {

struct Candidate {
  std::string slug;
  Confidence confidence = Confidence::kPossible;
  // How specific the evidence is, 0 to 100; decides only between candidates of one kind and one confidence. See
  // ranking.h for the scale.
  int score = 0;
  std::string summary{};
  std::vector<std::string> evidence{};
  std::vector<std::string> advice{};
  std::vector<std::string> factors{};
  std::vector<Alternative> alternatives{};
  std::vector<std::string> experiments{};
  // Where the cause is, when that is not where the process was when it died.
  std::optional<SourceLine> where{};
  // The op, as the program's own words have it.
  std::optional<Framework> framework{};
};

// One file under rules/ per cause. nullopt: the evidence does not speak of this cause. Pure.
using Rule = std::optional<Candidate> (*)(const Facts&);

}  // namespace segwhy
