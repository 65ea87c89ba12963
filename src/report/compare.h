// Two runs side by side: what became of each and what differs. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "diagnose/verdict.h"
#include "evidence/model/case.h"

namespace segwhy {

// What is known of a run beside its Case. A saved case has none of it.
struct RunMeasure {
  std::optional<double> wall_s, cpu_s;
  std::optional<std::string> output;  // standard output
};

struct ComparedRun {
  std::string name;
  Case evidence;
  Verdict verdict;
  RunMeasure measure;
};

// A property of both runs as it is told, and whether the two differ by more than runs of one program do.
struct ComparedRow {
  std::string key;  // of the JSON
  std::string title;
  std::string old_text, new_text;  // empty: not known
  bool differs = false;
};

// In the order of the table. Rows of which neither run knows anything are left out.
[[nodiscard]] std::vector<ComparedRow> compare_runs(const ComparedRun& old_run, const ComparedRun& new_run);

// The table; every line ends in a newline. No control character of the programs' gets through.
[[nodiscard]] std::string render_comparison(const ComparedRun& old_run, const ComparedRun& new_run, bool unicode);

// Schema segwhy.comparison/1 (docs/compare.md), indented, with a final newline.
[[nodiscard]] std::string render_comparison_json(const ComparedRun& old_run, const ComparedRun& new_run);

}  // namespace segwhy
