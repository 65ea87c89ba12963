#include "report/stack_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>

#include "report/describe.h"
#include "report/printable.h"

namespace segwhy::report {
namespace {

using Kind = StackRow::Kind;

constexpr std::size_t kLongestCycle = 8;     // mutual recursion of up to this many frames
constexpr std::size_t kFewestRepeats = 3;    // shorter runs are listed
constexpr std::size_t kNameColumn = 6;       // "> py  name"
constexpr std::size_t kInnermostNative = 3;  // these say what was being done

void add_native(std::vector<StackRow>& rows, const Thread& t, std::size_t from, std::size_t to, bool expand) {
  if (from >= to) return;
  if (!expand) {
    rows.push_back({.kind = Kind::kInterpreter, .count = to - from});
    return;
  }
  for (std::size_t i = from; i < to; ++i) rows.push_back({.kind = Kind::kNative, .native = &t.native[i]});
}

std::vector<StackRow> merged_rows(const Thread& t, bool expand) {
  std::vector<StackRow> rows;
  std::size_t next_native = 0;
  for (const MergedFrame& frame : t.merged) {
    if (frame.is_python) {
      if (frame.index < t.python.size()) rows.push_back({.kind = Kind::kPython, .python = &t.python[frame.index]});
      continue;
    }
    if (frame.index >= t.native.size()) continue;
    add_native(rows, t, next_native, frame.index, expand);
    rows.push_back({.kind = Kind::kNative, .native = &t.native[frame.index]});
    next_native = frame.index + std::size_t{1};
  }
  add_native(rows, t, next_native, t.native.size(), expand);
  return rows;
}

// What abort() does to end the process, in the C libraries' names for it, and the code of Segwhy's own that calls it.
bool raises_abort(const NativeFrame& f) {
  static constexpr std::array<std::string_view, 10> kNames = {"abort",
                                                              "raise",
                                                              "gsignal",
                                                              "pthread_kill",
                                                              "__pthread_kill",
                                                              "__pthread_kill_implementation",
                                                              "__pthread_kill_internal",
                                                              "__GI_abort",
                                                              "__GI_raise",
                                                              "__GI___pthread_kill"};
  if (f.module.ends_with("/libsegwhy.so")) return true;  // which refused a free
  const std::string_view name = std::string_view(f.function).substr(0, f.function.find('@'));
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// The innermost rows of an aborted thread say only that it aborted.
void fold_abort(std::vector<StackRow>& rows) {
  const auto end =
      std::find_if_not(rows.begin(), rows.end(), [](const StackRow& r) { return r.native && raises_abort(*r.native); });
  const auto count = static_cast<std::size_t>(end - rows.begin());
  if (count < 2) return;
  rows.erase(rows.begin() + 1, end);
  rows.front() = {.kind = Kind::kAbort, .count = count};
}

std::vector<StackRow> unmerged_rows(const Thread& t) {
  std::vector<StackRow> rows;
  for (const NativeFrame& f : t.native) rows.push_back({.kind = Kind::kNative, .native = &f});
  for (const PythonFrame& f : t.python) rows.push_back({.kind = Kind::kPython, .python = &f});
  return rows;
}

// How often the cycle rows[at, at + period) comes again right behind itself.
std::size_t repeats_of(const std::vector<StackRow>& rows, std::size_t at, std::size_t period) {
  std::size_t same = 0;
  while (at + period + same < rows.size() && rows[at + same] == rows[at + period + same]) ++same;
  return same / period;
}

std::vector<StackRow> without_repeats(const std::vector<StackRow>& rows) {
  std::vector<StackRow> out;
  for (std::size_t at = 0; at < rows.size();) {
    std::size_t period = 1, repeats = 0;
    for (; period <= kLongestCycle; ++period) {
      repeats = repeats_of(rows, at, period);
      if (repeats >= kFewestRepeats) break;
    }
    if (period > kLongestCycle) {
      out.push_back(rows[at++]);
      continue;
    }
    const auto first = rows.begin() + static_cast<std::ptrdiff_t>(at);
    out.insert(out.end(), first, first + static_cast<std::ptrdiff_t>(period));
    out.push_back({.kind = Kind::kRepeats, .count = repeats, .period = period});
    at += period * (repeats + 1);
  }
  return out;
}

void add_not_kept(std::vector<StackRow>& rows, const Thread& t) {
  const std::uint64_t native = t.native_depth.value_or(0);
  const std::uint64_t python = t.python_depth.value_or(0);
  const std::size_t lost = std::max(native > t.native.size() ? native - t.native.size() : 0,
                                    python > t.python.size() ? python - t.python.size() : 0);
  if (lost > 0 || t.native_truncated) rows.push_back({.kind = Kind::kNotKept, .count = lost});
}

std::string note_of(const StackRow& row) {
  const char* plural = row.count == 1 ? "" : "s";
  switch (row.kind) {
    case Kind::kInterpreter:
      return fmt::format("{} frame{} of the interpreter", grouped(row.count), plural);
    case Kind::kAbort:
      return fmt::format("{} frame{} of abort()", row.count, plural);
    case Kind::kRepeats:
      if (row.period == 1) return fmt::format("the frame above {} more time{}", grouped(row.count), plural);
      return fmt::format("the {} frames above {} more time{}", row.period, grouped(row.count), plural);
    case Kind::kNotKept:
      return row.count > 0 ? fmt::format("{} more frame{} that were not kept", grouped(row.count), plural)
                           : "more frames, the unwinding ended here";
    case Kind::kPython:
    case Kind::kNative:
      break;
  }
  return "";
}

bool is_user(const StackRow& row) {
  return (row.python && row.python->origin == "user") || (row.native && row.native->origin == "user");
}

std::string name_of(const StackRow& row, bool whole) {
  return row.python ? row.python->function : row.native ? native_name(*row.native, whole) : "";
}

std::string place_of(const StackRow& row, const StackStyle& style) {
  if (row.native) return native_place(*row.native, style.whole);
  const std::string file = style.whole ? row.python->file : short_path(row.python->file, style.cwd);
  return place(file, row.python->line);
}

Line line_of(const StackRow& row, const StackStyle& style, std::size_t name_width) {
  const char* ellipsis = style.unicode ? "\xE2\x80\xA6" : "...";
  Line line;
  if (!row.python && !row.native) {
    return line.pad_to(2).add(ellipsis, Role::kFaint).pad_to(kNameColumn).add(note_of(row), Role::kFaint);
  }
  const Role role = is_user(row) ? Role::kUser : Role::kPlain;
  if (is_user(row)) line.add(style.unicode ? "\xE2\x96\xB6" : ">", Role::kMark);
  line.pad_to(2).add(row.python ? "py" : "C", Role::kFaint).pad_to(kNameColumn);
  const std::size_t place_column = kNameColumn + name_width + 2;
  std::string name = printable(name_of(row, style.whole)), place = printable(place_of(row, style));
  if (!style.whole) {
    name = truncated(name, name_width, ellipsis);
    const std::size_t room = style.width - std::min(style.width, place_column);
    if (row.python) place = truncated_front(place, room, ellipsis);
  }
  line.add(name, role);
  if (!style.whole) line.pad_to(place_column - 2);
  return line.add("  ").add(place, is_user(row) ? role : Role::kFaint);
}

int rank_of(const StackRow& row, std::size_t natives_before) {
  if (is_user(row)) return kFirst;
  if (row.kind == Kind::kNative) return natives_before < kInnermostNative ? kSecond : kContext;
  if (row.kind == Kind::kPython) return kDetail;
  return row.kind == Kind::kRepeats || row.kind == Kind::kNotKept ? kSecond : kContext + 1;
}

}  // namespace

bool operator==(const StackRow& a, const StackRow& b) {
  if (a.kind != b.kind) return false;
  if (a.python) {
    const auto key = [](const PythonFrame& f) { return std::tie(f.file, f.function, f.line); };
    return key(*a.python) == key(*b.python);
  }
  if (a.native) {
    const auto key = [](const NativeFrame& f) { return std::tie(f.module, f.function); };
    return key(*a.native) == key(*b.native) && (!a.native->function.empty() || a.native->pc == b.native->pc);
  }
  return a.count == b.count;
}

std::vector<StackRow> stack_rows(const Thread& thread, bool expand) {
  std::vector<StackRow> rows =
      without_repeats(thread.merged.empty() ? unmerged_rows(thread) : merged_rows(thread, expand));
  if (!expand) fold_abort(rows);
  add_not_kept(rows, thread);
  return rows;
}

std::vector<Item> stack_items(const std::vector<StackRow>& rows, const StackStyle& style) {
  std::size_t longest = 0;
  for (const StackRow& row : rows) longest = std::max(longest, display_width(printable(name_of(row, style.whole))));
  const std::size_t name_width = std::min(longest, style.width > kNameColumn ? (style.width - kNameColumn) * 3 / 5 : 1);
  std::vector<Item> items;
  std::size_t natives = 0;
  for (const StackRow& row : rows) {
    items.push_back({.line = line_of(row, style, name_width),
                     .rank = rank_of(row, natives),
                     .hang = kNameColumn + 2,
                     .one_line = !style.whole});
    if (row.kind == Kind::kNative) ++natives;
  }
  return items;
}

}  // namespace segwhy::report
