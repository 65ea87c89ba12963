#include "report/page.h"
#include "report/report.h"
#include "report/sections.h"

namespace segwhy {
namespace {

using report::Page;
using report::Section;
using report::Subject;

// What happened, in the order of the questions a reader has: what, where, in which operation, on which stack, why we
// think so, what else it could be, what to do now (next to the prompt).
void add_sections(Page& page, const Subject& s) {
  page.add(report::headline(s));
  page.space();
  for (Section (*make)(const Subject&) :
       {report::where, report::operation, report::block, report::fault, report::message, report::process, report::stack,
        report::caller, report::memory_plot, report::memory_lines}) {
    page.add(make(s));
  }
  page.space();
  for (Section (*make)(const Subject&) :
       {report::why, report::could_be, report::to_decide, report::missing, report::protection, report::program}) {
    page.add(make(s));
  }
  if (s.style.verbose) {
    for (Section& section : report::everything_else(s)) page.add(std::move(section));
  }
  page.space();
  page.add(report::to_do(s));
}

}  // namespace

std::string render_text(const Case& evidence, const Verdict& verdict, const TextStyle& style) {
  const Subject subject{evidence, verdict, style};
  Page page({.width = style.width,
             .height = style.verbose ? 0 : style.height,
             .paint = {.color = style.color, .unicode = style.unicode}});
  add_sections(page, subject);
  constexpr std::size_t kLastLine = 1;
  const bool left_out = page.fit(kLastLine);
  page.add(report::case_file(subject, left_out));
  return page.render();
}

}  // namespace segwhy
