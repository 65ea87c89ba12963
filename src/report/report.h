// Reports: a Case and its Verdict as text for a terminal, and as JSON (schema segwhy.incident/1). Pure.
#pragma once

#include <string>

#include "diagnose/verdict.h"
#include "evidence/model/case.h"

namespace segwhy {

struct TextStyle {
  bool color = false;
  bool unicode = true;   // box and arrow characters
  unsigned width = 100;  // columns
  unsigned height = 40;  // lines of one screen; ignored when verbose
  bool verbose = false;  // everything: all threads, whole names, all evidence
};

[[nodiscard]] std::string render_text(const Case& evidence, const Verdict& verdict, const TextStyle& style);
[[nodiscard]] std::string render_json(const Case& evidence, const Verdict& verdict);

}  // namespace segwhy
