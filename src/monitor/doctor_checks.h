// What the doctor's facts mean: one check per thing that is known to bring Python programs down. Pure, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "monitor/doctor_facts.h"

namespace segwhy {

enum class CheckStatus { kOk, kWarn, kFail };

[[nodiscard]] const char* to_string(CheckStatus status);

struct Check {
  std::string id;  // "cpu", "stack"...: stable, for scripts
  CheckStatus status = CheckStatus::kOk;
  std::string summary;  // what was found, one sentence
  std::string advice;   // what to do; empty when nothing is
};

// In the order they are shown. What is not known gives no check.
[[nodiscard]] std::vector<Check> run_doctor_checks(const DoctorFacts& facts);

}  // namespace segwhy
