// Reports: a Case and its Verdict as text for a terminal, and as JSON. Pure: the same input gives the same bytes on any
// machine; nothing is opened, no environment is read. Thread-safe. Never fails: what is not known is left out.
#pragma once

#include <string>

#include "diagnose/verdict.h"
#include "evidence/model/case.h"

namespace segwhy {

struct TextStyle {
  bool color = false;
  bool unicode = true;         // the terminal shows UTF-8; otherwise what is beyond ASCII is escaped
  unsigned width = 100;        // columns
  unsigned height = 40;        // lines of one screen; ignored when verbose; 0: no limit
  bool verbose = false;        // everything: all threads, whole names, all evidence
  std::string case_path = {};  // where the case was saved, for the last line; empty: not saved
};

// The report a person reads. The first line is "segwhy: CLASS (CONFIDENCE): SUMMARY"; the user's line and the advice
// are never left out, the rest yields to the height by importance. No control character of the target's gets through.
// Every line ends in a newline.
[[nodiscard]] std::string render_text(const Case& evidence, const Verdict& verdict, const TextStyle& style);

// The memory over time as a picture of its own (SVG): resident set, call sites stacked, limit and events.
[[nodiscard]] std::string render_memory_svg(const Case& evidence);

// Schema segwhy.incident/1 (docs/schema/incident.schema.json), indented, with a final newline. Valid JSON in valid
// UTF-8 whatever bytes the strings hold; what is not known is absent.
[[nodiscard]] std::string render_json(const Case& evidence, const Verdict& verdict);

}  // namespace segwhy
