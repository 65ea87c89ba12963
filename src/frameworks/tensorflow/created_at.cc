#include "frameworks/tensorflow/created_at.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "frameworks/tensorflow/node_lines.h"
#include "pystate/origin.h"
#include "pystate/runtime_locator.h"

namespace segwhy::tensorflow {
namespace {

constexpr std::size_t kMaxLinesNamed = 3;

std::string place_of(const CodeLine& line) {
  return fmt::format("{}:{}", line.file, line.line);
}

// Whose code a line is, as everywhere in a Case.
class Owners {
 public:
  explicit Owners(const Snapshot& snapshot) : root_(snapshot.root) {
    if (const auto runtime = pystate::locate_runtime(snapshot))
      stdlib_ = pystate::find_stdlib(snapshot, runtime->module, runtime->minor);
  }
  [[nodiscard]] bool is_program(const CodeLine& line) const {
    return pystate::origin_of(line.file, stdlib_, root_) == pystate::kOriginUser;
  }

 private:
  std::string root_;
  std::vector<std::string> stdlib_;
};

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
  const Owners owners(snapshot);
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
