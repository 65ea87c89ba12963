// Verdict: what diagnose/ concludes from a Case.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "evidence/model/case.h"

namespace segwhy {

enum class Confidence { kPossible, kLikely, kCertain };

[[nodiscard]] const char* to_string(Confidence confidence);

struct Alternative {
  std::string verdict_class;  // slug
  std::string reason;         // one sentence: what would make it this
};

struct Verdict {
  std::string verdict_class;  // slug of docs/causes/, a public contract
  Confidence confidence = Confidence::kPossible;
  std::string summary;                    // one sentence with the specifics, for the first line of the report
  std::vector<std::string> evidence;      // facts that carry the verdict, strongest first, a sentence each
  std::vector<std::string> advice;        // specific acts, most effective first; empty rather than generic
  std::vector<std::string> factors;       // contributing slugs or short tags: "gil-misuse", "exit-teardown"
  std::vector<Alternative> alternatives;  // other classes that fit, most probable first
  std::vector<std::string> experiments;   // for unknown and likely: what would decide, a command where possible
  std::optional<SourceLine> where;        // the innermost frame that is the user's own code
  std::optional<Framework> framework;     // the op as the program's own words have it, where the Case has none
};

// The op at work: what was read from the process, else what its words say. nullptr when neither is known.
[[nodiscard]] inline const Framework* framework_at_work(const Case& evidence, const Verdict& verdict) {
  if (evidence.framework) return &*evidence.framework;
  return verdict.framework ? &*verdict.framework : nullptr;
}

}  // namespace segwhy
