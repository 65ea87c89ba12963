// The JSON form of a Case (schema "segwhy.case/1"), both ways. What is not known is absent.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "evidence/model/case.h"

namespace segwhy {

[[nodiscard]] std::string case_to_json(const Case& evidence);

// Accepts any bytes: errors say where and what. Unknown keys are ignored (a newer minor version), a different schema is
// an error that names both.
[[nodiscard]] Result<Case> case_from_json(std::string_view text);

}  // namespace segwhy
