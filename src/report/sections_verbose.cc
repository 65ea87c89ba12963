#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "report/describe.h"
#include "report/sections.h"
#include "report/stack_view.h"

namespace segwhy::report {
namespace {

constexpr std::size_t kMarginColumns = 12;
constexpr std::size_t kSamplesShown = 20;

void add(Section& section, const std::string& text) {
  section.items.push_back({.line = Line(text), .hang = 2});
}

void add_bytes(Section& section, const char* name, const std::optional<std::uint64_t>& value) {
  if (value) add(section, fmt::format("{} {}", name, human_bytes(*value)));
}

void add_number(Section& section, const char* name, const std::optional<std::uint64_t>& value) {
  if (value) add(section, fmt::format("{} {}", name, grouped(*value)));
}

Section operands(const Case& c) {
  Section section;
  section.label = "operands";
  if (!c.fault || !c.fault->instruction) return section;
  const Instruction& i = *c.fault->instruction;
  add(section, fmt::format("{}  ({}{})", i.bytes, i.text, i.isa_set.empty() ? "" : ", " + i.isa_set));
  for (const Operand& o : i.operands) {
    std::string text = fmt::format("{}: {}{}{}", o.text, o.read ? "read" : "", o.read && o.written ? " and " : "",
                                   o.written ? "written" : "");
    if (o.width > 0) text += ", " + human_bytes(o.width);
    if (o.address) text += ", at " + hex(*o.address);
    if (o.value) text += ", value " + hex(*o.value);
    add(section, text);
  }
  return section;
}

Section other_thread(const Subject& s, const Thread& t) {
  Section section;
  section.label = "thread";
  const std::size_t width = std::max<std::size_t>(s.style.width, 2 * kMarginColumns) - kMarginColumns;
  const StackStyle style{.width = width, .unicode = s.style.unicode, .whole = true, .cwd = s.evidence.program.cwd};
  std::string title = fmt::format("{} {}", t.tid, t.name);
  if (t.is_main) title += ", main";
  if (t.holds_gil == true) title += ", holds the GIL";
  section.items = stack_items(stack_rows(t, true), style);
  section.items.insert(section.items.begin(), {.line = Line(title, Role::kUser)});
  return section;
}

Section said_on_stderr(const Case& c) {
  Section section;
  section.label = "stderr";
  const std::string_view text = trim(c.messages.stderr_tail);
  if (text.empty()) return section;
  if (!c.messages.stderr_complete) add(section, "(the beginning was not kept)");
  for (const std::string_view line : split(text, '\n')) add(section, std::string(line));
  return section;
}

Section modules(const Case& c) {
  Section section;
  section.label = "modules";
  for (const Module& m : c.program.modules) {
    std::string text = fmt::format("{}-{} {}", hex(m.start), hex(m.end), m.path);
    if (!m.package.empty()) text += fmt::format("  {} {}", m.package, m.package_version);
    if (!m.build_id.empty()) text += "  " + m.build_id;
    for (const std::string& marker : m.markers) text += "  " + marker;
    add(section, text);
  }
  return section;
}

Section environment(const Case& c) {
  Section section;
  section.label = "env";
  for (const auto& [name, value] : c.program.environment) add(section, fmt::format("{}={}", name, value));
  return section;
}

std::string limit_text(const std::optional<std::uint64_t>& value) {
  return value ? grouped(*value) : "unlimited";
}

Section machine(const Case& c) {
  Section section;
  section.label = "machine";
  const Machine& m = c.machine;
  if (!m.os.empty() || !m.kernel.empty()) add(section, fmt::format("{}, Linux {}", m.os, m.kernel));
  if (!m.cpu.empty()) add(section, fmt::format("{}, {} CPUs", m.cpu, m.cpus));
  add_bytes(section, "memory", m.memory_total);
  add_bytes(section, "memory available", m.memory_available);
  add_bytes(section, "swap free", m.swap_free);
  add_bytes(section, "/dev/shm", m.shm_total);
  add_bytes(section, "/dev/shm free", m.shm_free);
  add_number(section, "threads", m.threads);
  add_number(section, "threads of this user", m.user_threads);
  add_number(section, "mappings", m.mappings);
  add_number(section, "mappings at most", m.mappings_max);
  for (const auto& [name, limit] : m.limits) {
    add(section, fmt::format("limit {}: soft {}, hard {}", name, limit_text(limit.soft), limit_text(limit.hard)));
  }
  return section;
}

Section cgroup(const Case& c) {
  Section section;
  section.label = "cgroup";
  if (!c.machine.cgroup) return section;
  const Cgroup& g = *c.machine.cgroup;
  add(section, fmt::format("{} (version {})", g.path, g.version));
  add_bytes(section, "memory limit", g.memory_limit);
  add_bytes(section, "memory now", g.memory_current);
  add_bytes(section, "memory peak", g.memory_peak);
  add_number(section, "OOM kills before", g.oom_kills_before);
  add_number(section, "OOM kills after", g.oom_kills_after);
  add_number(section, "pids limit", g.pids_limit);
  add_number(section, "pids now", g.pids_current);
  return section;
}

Section samples(const Case& c) {
  Section section;
  section.label = "memory";
  add_bytes(section, "peak resident", c.machine.peak_rss);
  const auto& all = c.machine.samples;
  const std::size_t first = all.size() > kSamplesShown ? all.size() - kSamplesShown : 0;
  for (std::size_t i = first; i < all.size(); ++i) {
    std::string text = fmt::format("{:8.1f} s  {}", all[i].at_s, human_bytes(all[i].rss));
    if (all[i].tree_rss != all[i].rss) text += fmt::format(", all processes {}", human_bytes(all[i].tree_rss));
    add(section, text);
  }
  return section;
}

Section capture(const Case& c) {
  Section section;
  section.label = "capture";
  const CaptureInfo& info = c.capture;
  if (info.backend.empty()) return section;
  std::string text =
      fmt::format("by {}, stopped {:.0f} ms, {:.0f} ms in all", info.backend, info.capture_ms, info.total_ms);
  if (!info.protection.empty()) text += ", --protect " + info.protection;
  if (!info.segwhy_version.empty()) text += ", segwhy " + info.segwhy_version;
  add(section, text);
  return section;
}

}  // namespace

std::vector<Section> everything_else(const Subject& s) {
  const Case& c = s.evidence;
  std::vector<Section> sections = block_details(s);
  sections.push_back(operands(c));
  sections.push_back(said_on_stderr(c));
  for (const Thread& t : c.threads) {
    if (!t.crashed) sections.push_back(other_thread(s, t));
  }
  for (Section (*make)(const Case&) : {samples, cgroup, machine, environment, modules, capture}) {
    sections.push_back(make(c));
  }
  return sections;
}

}  // namespace segwhy::report
