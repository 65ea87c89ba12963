// diagnose: Case in, Verdict out. A pure function: no I/O, clock, environment or globals; thread-safe.
#pragma once

#include "diagnose/verdict.h"
#include "evidence/model/case.h"

namespace segwhy {

[[nodiscard]] Verdict diagnose(const Case& evidence);

}  // namespace segwhy
