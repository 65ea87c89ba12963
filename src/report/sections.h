// The sections of the text report, each made from a Case and its Verdict; render_text.cc puts them in order. A section
// with nothing to say has no items. Pure, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "report/page.h"
#include "report/report.h"

namespace segwhy::report {

struct Subject {
  const Case& evidence;
  const Verdict& verdict;
  const TextStyle& style;
};

// sections_verdict.cc: what was concluded and what follows from it.
[[nodiscard]] Section headline(const Subject& s);
[[nodiscard]] Section why(const Subject& s);
[[nodiscard]] Section could_be(const Subject& s);
[[nodiscard]] Section to_do(const Subject& s);
[[nodiscard]] Section to_decide(const Subject& s);
[[nodiscard]] Section missing(const Subject& s);
[[nodiscard]] Section case_file(const Subject& s, bool something_left_out);

// sections_cause.cc: where it happened, doing what, on which data.
[[nodiscard]] Section where(const Subject& s);
[[nodiscard]] Section operation(const Subject& s);
[[nodiscard]] Section fault(const Subject& s);
[[nodiscard]] Section message(const Subject& s);

// sections_block.cc: whose memory it was.
[[nodiscard]] Section block(const Subject& s);
[[nodiscard]] Section protection(const Subject& s);  // what was protected; for reports that are about memory
[[nodiscard]] std::vector<Section> block_details(const Subject& s);  // stacks, findings and accesses, for --verbose

// sections_memory.cc: where the memory went: plot, lines, what grows.
[[nodiscard]] Section memory_plot(const Subject& s);
[[nodiscard]] Section memory_lines(const Subject& s);

// sections_program.cc: which process, which stack.
[[nodiscard]] Section process(const Subject& s);
[[nodiscard]] Section stack(const Subject& s);
[[nodiscard]] Section caller(const Subject& s);  // the Python thread a pool thread works for
[[nodiscard]] Section program(const Subject& s);

// sections_verbose.cc: the rest, for --verbose.
[[nodiscard]] std::vector<Section> everything_else(const Subject& s);

}  // namespace segwhy::report
