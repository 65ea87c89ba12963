// Whose memory it was: the block, who allocated and freed it, how far outside of it the access went, what was found
// wrong, and what was protected at all.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "diagnose/block_story.h"
#include "report/describe.h"
#include "report/sections.h"
#include "report/stack_view.h"

namespace segwhy::report {
namespace {

constexpr std::size_t kMarginColumns = 12;

// The user's line, else whatever Python ran.
std::optional<SourceLine> shown_line(const BlockEvent& event) {
  if (auto line = line_of(event)) return line;
  if (event.python.empty()) return std::nullopt;
  const PythonFrame& frame = event.python.front();
  return SourceLine{frame.file, frame.line, frame.function, {}};
}

void add_event(Section& section, const char* verb, const std::optional<BlockEvent>& event, const Subject& s) {
  if (!event) return;
  Line line(verb);
  if (const auto shown = shown_line(*event)) {
    line.add(" at ").add(place(short_path(shown->file, s.evidence.program.cwd), shown->line), Role::kUser);
    if (!shown->function.empty() && shown->function != "<module>") line.add(", in ").add(shown->function);
  }
  if (!event->op.empty()) line.add(", op ").add(event->op, Role::kCode);
  if (const NativeFrame* native = owner_frame(*event)) line.add(", by ").add(native_name(*native, false), Role::kCode);
  std::string rest;
  if (event->thread) rest += fmt::format(", thread {}", *event->thread);
  if (event->age_s) rest += fmt::format(", {} before", duration(*event->age_s));
  line.add(rest, Role::kFaint);
  section.items.push_back({.line = std::move(line), .rank = kFirst, .hang = 2});
}

Section events(const char* label, const BlockEvent& event, const Subject& s) {
  Section section;
  section.label = label;
  Thread thread;
  thread.python = event.python;
  thread.native = event.native;
  for (std::uint32_t i = 0; i < event.native.size(); ++i) thread.merged.push_back({false, i});
  for (std::uint32_t i = 0; i < event.python.size(); ++i) thread.merged.push_back({true, i});
  const std::size_t width = std::max<std::size_t>(s.style.width, 2 * kMarginColumns) - kMarginColumns;
  const StackStyle style{.width = width, .unicode = s.style.unicode, .whole = true, .cwd = s.evidence.program.cwd};
  section.items = stack_items(stack_rows(thread, true), style);
  return section;
}

std::string finding_text(const MemoryFinding& f) {
  std::string text = f.kind;
  if (f.block) text += fmt::format(": {}, {}", size_and_kind(*f.block), hex(f.block->address));
  text += fmt::format(", offset {}", f.offset);
  if (f.wrong_bytes) text += fmt::format(", {}", byte_count(*f.wrong_bytes));
  if (!f.seen.empty()) text += fmt::format(", {} became {}", f.expected, f.seen);
  if (f.late && f.last_good_age_s && f.found_age_s)
    text +=
        fmt::format(", between {} and {} before the report", duration(*f.last_good_age_s), duration(*f.found_age_s));
  return text;
}

Section findings(const Case& c) {
  Section section;
  section.label = "findings";
  for (const MemoryFinding& f : c.findings) section.items.push_back({.line = Line(finding_text(f)), .hang = 2});
  return section;
}

Section accesses(const Subject& s) {
  Section section;
  section.label = "accesses";
  for (const BlockAccess& access : s.evidence.accesses) {
    Line line(fmt::format("{} of {} at offset {}", access.access, byte_count(access.width), access.offset));
    if (access.wrong) line.add(" (wrong)", Role::kMark);
    section.items.push_back({.line = std::move(line), .hang = 2});
    add_event(section, "  ", access.by, s);
  }
  return section;
}

}  // namespace

Section block(const Subject& s) {
  Section section;
  section.label = "block";
  if (!s.evidence.block) return section;
  const Block& b = *s.evidence.block;
  Line line;
  line.add(distance_phrase(b, b.offset), Role::kValue);
  line.add(fmt::format(" {}{} at {}", b.state == "freed" ? "the freed " : "the ", size_and_kind(b), hex(b.address)));
  section.items.push_back({.line = std::move(line), .rank = kFirst, .hang = 2});
  add_event(section, "allocated", b.allocated, s);
  add_event(section, "freed", b.freed, s);
  for (const std::string& note : b.notes) section.items.push_back({.line = Line(note), .rank = kSecond, .hang = 2});
  if (!b.former.empty() && b.former.front().freed)
    add_event(section, "before it there was another block, freed", b.former.front().freed, s);
  return section;
}

Section protection(const Subject& s) {
  Section section;
  section.label = "guarded";
  const auto& p = s.evidence.protection;
  const bool about_memory = s.evidence.block || !s.evidence.findings.empty() || s.style.verbose;
  if (!p || !about_memory) return section;
  std::string text = fmt::format("--protect {}: {} blocks, {}", p->mode, grouped(p->blocks), human_bytes(p->bytes));
  if (p->checked != 0) text += fmt::format("; {} small ones checked by canaries", grouped(p->checked));
  if (p->mode != p->requested && !p->requested.empty()) text += fmt::format(" ({} was asked for)", p->requested);
  for (const auto& [reason, count] : p->unprotected) text += fmt::format("; {} not: {}", grouped(count), reason);
  if (p->horizon_s) text += fmt::format("; freed blocks are remembered for {}", duration(*p->horizon_s));
  if (p->lowered != 0) text += "; lowered to keep the budget";
  section.items.push_back({.line = Line(text), .rank = kThird, .hang = 2});
  const bool exact_failed = !p->exact.empty() && p->exact != "running" && p->requested == "exact";
  if (exact_failed)
    section.items.push_back({.line = Line("exact mode is off: " + p->exact), .rank = kSecond, .hang = 2});
  return section;
}

std::vector<Section> block_details(const Subject& s) {
  std::vector<Section> sections;
  if (const auto& b = s.evidence.block) {
    if (b->allocated) sections.push_back(events("allocated", *b->allocated, s));
    if (b->freed) sections.push_back(events("freed", *b->freed, s));
  }
  sections.push_back(findings(s.evidence));
  sections.push_back(accesses(s));
  return sections;
}

}  // namespace segwhy::report
