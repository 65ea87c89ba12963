// The ranking: which candidate becomes the verdict, and what becomes of the others.
//
// Why one candidate beats another, in this order:
//
// 1. Belief. A candidate that is at least likely beats every one that is only possible: a lead never hides an answer.
// 2. Kind. Among those that are at least likely, a cause (why) beats a mechanism (how), and a mechanism beats an
//    outcome (that). One death often shows all three: pthread_create fails (thread-limit), a CHECK sees it
//    (check-failed), abort() ends it (abort). All three are true; the first is what the user can act on. This holds
//    even when the mechanism is certain and the cause only likely, because the two do not contradict each other.
// 3. Confidence: certain before likely.
// 4. Score, the specificity of the evidence: 90 the program's or library's own words about this very cause; 80 a
//    decoded instruction with operand values; 70 addresses and mappings; 60 counters and limits; 50 stacks; 30 what is
//    loaded; 10 the bare signal.
// 5. The slug, so that the answer does not depend on the order of the rules.
//
// The losers are not lost. A mechanism or outcome below a winning cause tells how the process died and becomes a
// factor; any other loser contradicts the winner and becomes one of its alternatives, unless the winner is certain. An
// outcome, even a certain one, keeps them: it says that the process was killed, they say what may have led to it.
#pragma once

#include <string_view>
#include <vector>

#include "diagnose/candidate.h"

namespace segwhy {

enum class CauseKind { kOutcome, kMechanism, kCause };

[[nodiscard]] CauseKind kind_of(std::string_view slug);

// True when `a` is to be preferred to `b`.
[[nodiscard]] bool outranks(const Candidate& a, const Candidate& b);

// The verdict of a non-empty list; without `where` unless the winner names its own.
[[nodiscard]] Verdict choose(std::vector<Candidate> candidates);

}  // namespace segwhy
