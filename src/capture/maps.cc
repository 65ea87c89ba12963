#include "capture/maps.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace segwhy {
namespace {

// Takes the text up to `separator` off the front of `line`; the rest of it when there is no separator.
std::string_view take(std::string_view& line, char separator) {
  const auto end = line.find(separator);
  const std::string_view part = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return part;
}

// The kernel writes a newline in a file name as \012 and escapes nothing else.
std::string unescape(std::string_view name) {
  constexpr std::string_view kNewline = "\\012";
  std::string out;
  for (auto at = name.find(kNewline); at != std::string_view::npos; at = name.find(kNewline)) {
    out.append(name.substr(0, at)).push_back('\n');
    name.remove_prefix(at + kNewline.size());
  }
  return out.append(name);
}

// "7f00-7f10 r-xp 00001000 08:01 1234      /path with blanks (deleted)"
std::optional<Mapping> parse_line(std::string_view line) {
  const auto start = parse_number(take(line, '-'), 16);
  const auto end = parse_number(take(line, ' '), 16);
  const std::string_view permissions = take(line, ' ');
  const auto offset = parse_number(take(line, ' '), 16);
  const auto major = parse_number(take(line, ':'), 16);
  const auto minor = parse_number(take(line, ' '), 16);
  const auto inode = parse_number(take(line, ' '));
  if (!start || !end || *start >= *end || permissions.size() != 4 || !offset || !major || !minor || !inode) {
    return std::nullopt;
  }
  Mapping mapping;
  mapping.start = TargetAddr(*start);
  mapping.end = TargetAddr(*end);
  mapping.readable = permissions[0] == 'r';
  mapping.writable = permissions[1] == 'w';
  mapping.executable = permissions[2] == 'x';
  mapping.shared = permissions[3] == 's';
  mapping.file_offset = *offset;
  mapping.device = *major << 32 | *minor;
  mapping.inode = *inode;
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  constexpr std::string_view kDeleted = " (deleted)";
  if (line.ends_with(kDeleted)) {
    mapping.deleted = true;
    line.remove_suffix(kDeleted.size());
  }
  mapping.path = unescape(line);
  return mapping;
}

}  // namespace

std::vector<Mapping> parse_maps(std::string_view text) {
  std::vector<Mapping> out;
  while (!text.empty()) {
    if (auto mapping = parse_line(take(text, '\n'))) out.push_back(std::move(*mapping));
  }
  // The kernel lists them in order; a reader across changes, or garbage, may not.
  std::sort(out.begin(), out.end(), [](const Mapping& a, const Mapping& b) { return a.start < b.start; });
  return out;
}

}  // namespace segwhy
