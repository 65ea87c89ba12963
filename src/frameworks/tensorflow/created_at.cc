#include "frameworks/tensorflow/created_at.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "frameworks/tensorflow/line_owner.h"
#include "frameworks/tensorflow/node_lines.h"

namespace segwhy::tensorflow {
namespace {

constexpr std::size_t kMaxLinesNamed = 3;

std::string place_of(const CodeLine& line) {
  return fmt::format("{}:{}", line.file, line.line);
}

void note_rivals(const std::vector<CodeLine>& lines, Framework& framework) {
  std::string text;
  for (std::size_t i = 0; i < std::min(lines.size(), kMaxLinesNamed); ++i)
    text += (i == 0 ? "" : ", ") + place_of(lines[i]);
  if (lines.size() > kMaxLinesNamed) text += fmt::format(" and {} more", lines.size() - kMaxLinesNamed);
  framework.notes.push_back(fmt::format(
      "Several nodes of that name can be meant; each was created at one of {} lines: {}.", lines.size(), text));
}

std::optional<std::uint64_t> python_thread_pointer(const Snapshot& snapshot, const Thread& thread) {
  if (thread.python.empty()) return std::nullopt;
  for (const ThreadSnapshot& t : snapshot.threads)
    if (t.tid == thread.tid && t.registers_known && t.registers.fs_base != 0) return t.registers.fs_base;
  return std::nullopt;
}

}  // namespace

void add_created_at(const Snapshot& snapshot, const Thread& crashed, Framework& framework) {
  if (framework.node.empty() || framework.found_by != "kernel-object" || framework.phase == "eager") return;
  const auto table = NodeTable::find(snapshot);
  if (!table) return;
  const NodeOrigin origin =
      find_origin(*table, {framework.node, framework.op, python_thread_pointer(snapshot, crashed)});
  framework.function = origin.function;
  const LineOwner owners(snapshot);
  const bool known = origin.complete && std::all_of(origin.lines.begin(), origin.lines.end(),
                                                    [&](const CodeLine& line) { return owners.is_program(line); });
  if (!known || origin.lines.empty()) return;
  if (origin.lines.size() > 1) return note_rivals(origin.lines, framework);
  const CodeLine& line = origin.lines.front();
  framework.created_at = SourceLine{line.file, line.line, line.function, {}};
  if (origin.forward_line && owners.is_program(*origin.forward_line))
    framework.notes.push_back(fmt::format("It belongs to the gradient of node {}, which was created at {}.",
                                          origin.forward, place_of(*origin.forward_line)));
}

}  // namespace segwhy::tensorflow
