#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "diagnose/frames.h"
#include "report/describe.h"
#include "report/sections.h"
#include "report/stack_view.h"

namespace segwhy::report {
namespace {

constexpr unsigned kMarginColumns = 12;

std::string command_line(const std::vector<std::string>& argv) {
  return fmt::format("{}", fmt::join(argv, " "));
}

StackStyle stack_style(const Subject& s) {
  const unsigned width = std::max(s.style.width, 2 * kMarginColumns) - kMarginColumns;
  return {.width = width, .unicode = s.style.unicode, .whole = s.style.verbose, .cwd = s.evidence.program.cwd};
}

// What the program ran on, for whoever gets the report: "Python 3.8.18, numpy 1.24.4".
std::string versions(const Case& c) {
  std::vector<std::string> parts;
  if (!c.program.python.empty()) parts.push_back("Python " + c.program.python);
  for (const auto& [package, version] : c.program.packages) parts.push_back(package + " " + version);
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

Section process(const Subject& s) {
  Section section;
  section.label = "process";
  const Program& p = s.evidence.program;
  if (!is_child(p.fork)) return section;
  Line line;
  line.add(fmt::format("pid {}", p.pid), Role::kValue);
  line.add(p.fork.origin == "fork" ? ", forked" : ", started");
  if (p.fork.parent_pid) line.add(fmt::format(" by pid {}", *p.fork.parent_pid));
  if (p.fork.origin == "fork" && p.fork.parent_threads.value_or(0) > 0) {
    line.add(fmt::format(", which had {} other threads then", *p.fork.parent_threads));
  }
  if (p.fork.parent_alive == false) line.add(", now gone");
  section.items.push_back({.line = std::move(line), .rank = kFirst, .hang = 2});
  if (!p.argv.empty()) {
    section.items.push_back({.line = Line(command_line(p.argv)), .rank = kThird, .one_line = !s.style.verbose});
  }
  return section;
}

Section stack(const Subject& s) {
  Section section;
  section.label = "stack";
  section.gap = "lines of the stack";
  const Thread* t = crashed_thread(s.evidence);
  if (!t) return section;
  section.items = stack_items(stack_rows(*t, s.style.verbose), stack_style(s));
  if (section.items.empty()) return section;
  Line title(fmt::format("of {}, innermost first", thread_name(*t)), Role::kFaint);
  section.items.insert(section.items.begin(), {.line = std::move(title), .rank = t->is_main ? kContext : kThird});
  return section;
}

Section caller(const Subject& s) {
  Section section;
  section.label = "caller";
  section.gap = "lines of the stack";
  const Thread* t = crashed_thread(s.evidence);
  if (!t || !t->works_for_tid) return section;
  const auto& threads = s.evidence.threads;
  const auto found =
      std::find_if(threads.begin(), threads.end(), [&](const Thread& other) { return other.tid == *t->works_for_tid; });
  if (found == threads.end()) return section;
  const std::string reason = t->works_for_reason.empty() ? "" : ": " + t->works_for_reason;
  section.items = stack_items(stack_rows(*found, s.style.verbose), stack_style(s));
  // How that thread waits matters less than where the user's code is.
  for (Item& item : section.items) item.rank = item.rank == kFirst ? kFirst : std::max<int>(item.rank, kDetail);
  const Line title(fmt::format("the crashed thread works for {}{}", thread_name(*found), reason), Role::kFaint);
  section.items.insert(section.items.begin(), {.line = title, .rank = kSecond, .hang = 2});
  return section;
}

Section program(const Subject& s) {
  Section section;
  section.label = "program";
  const Program& p = s.evidence.program;
  const bool shown_above = is_child(p.fork);
  if (!p.argv.empty() && !shown_above) {
    section.items.push_back({.line = Line(command_line(p.argv)), .rank = kContext, .one_line = !s.style.verbose});
  }
  const std::string text = versions(s.evidence);
  if (!text.empty()) section.items.push_back({.line = Line(text), .rank = kContext, .one_line = !s.style.verbose});
  return section;
}

}  // namespace segwhy::report
