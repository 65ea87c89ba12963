#include "diagnose/messages/lines.h"

#include <algorithm>

#include "base/text.h"

namespace segwhy::text {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_path_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("/._-+@~").find(c) != std::string_view::npos;
}

// "name.ext": a dot inside the last component, followed by a letter.
bool looks_like_file(std::string_view path) {
  const std::string_view name = base_name(path);
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 >= name.size()) return false;
  return !is_digit(name[dot + 1]);
}

}  // namespace

Lines lines_of(std::string_view text) {
  Lines lines = split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  for (std::string_view& line : lines)
    if (line.ends_with('\r')) line.remove_suffix(1);
  return lines;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return contains(text, part); });
}

std::optional<std::string_view> after(std::string_view text, std::string_view marker) {
  const auto at = text.find(marker);
  if (at == std::string_view::npos) return std::nullopt;
  return text.substr(at + marker.size());
}

std::optional<std::string_view> between(std::string_view text, std::string_view open, std::string_view close) {
  const auto rest = after(text, open);
  if (!rest) return std::nullopt;
  const auto end = rest->find(close);
  if (end == std::string_view::npos) return std::nullopt;
  return rest->substr(0, end);
}

std::optional<std::string_view> last_line_with(const Lines& lines, std::string_view marker) {
  const auto found = std::find_if(lines.rbegin(), lines.rend(), [&](auto line) { return contains(line, marker); });
  if (found == lines.rend()) return std::nullopt;
  return *found;
}

std::optional<std::uint64_t> leading_number(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size() && is_digit(text[n])) ++n;
  return parse_number(text.substr(0, n));
}

std::optional<SourceRef> last_source_ref(std::string_view text) {
  for (std::size_t at = text.size(); at-- > 1;) {
    const bool separator = text[at] == ':' || text[at] == '(';
    if (!separator || at + 1 >= text.size() || !is_digit(text[at + 1])) continue;
    std::size_t start = at;
    while (start > 0 && is_path_character(text[start - 1])) --start;
    const std::string_view file = text.substr(start, at - start);
    const auto line = leading_number(text.substr(at + 1));
    if (!looks_like_file(file) || !line || *line > 10'000'000) continue;
    return SourceRef{std::string(file), static_cast<int>(*line)};
  }
  return std::nullopt;
}

std::string shortened(std::string_view text, std::size_t max) {
  if (text.size() <= max) return std::string(text);
  std::size_t end = max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace segwhy::text
