#include "monitor/version_range.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <vector>

#include "base/text.h"

namespace segwhy {
namespace {

// "1.26.4rc1" -> {1, 26, 4}; empty when it starts with no number.
std::vector<std::uint64_t> release_of(std::string_view version) {
  std::vector<std::uint64_t> release;
  while (!version.empty()) {
    std::size_t digits = 0;
    while (digits < version.size() && std::isdigit(static_cast<unsigned char>(version[digits]))) ++digits;
    const auto number = parse_number(version.substr(0, digits));
    if (!number) break;
    release.push_back(*number);
    if (digits == version.size() || version[digits] != '.') break;
    version.remove_prefix(digits + 1);
  }
  return release;
}

// Below, equal (0) or above, missing parts as zero.
int compare(std::vector<std::uint64_t> a, std::vector<std::uint64_t> b) {
  const std::size_t size = std::max(a.size(), b.size());
  a.resize(size);
  b.resize(size);
  return a < b ? -1 : a > b ? 1 : 0;
}

bool has_prefix(const std::vector<std::uint64_t>& version, const std::vector<std::uint64_t>& prefix) {
  std::vector<std::uint64_t> start = version;
  start.resize(prefix.size());
  return start == prefix;
}

std::optional<bool> satisfies(const std::vector<std::uint64_t>& version, std::string_view part) {
  const auto at = part.find_first_not_of("<>=!~");
  if (at == 0 || at == std::string_view::npos) return std::nullopt;
  const std::string_view relation = part.substr(0, at);
  std::vector<std::uint64_t> bound = release_of(trim(part.substr(at)));
  if (bound.empty()) return std::nullopt;
  const int order = compare(version, bound);
  const bool any_suffix = part.substr(part.size() - std::min<std::size_t>(part.size(), 2)) == ".*";
  const bool equal = any_suffix ? has_prefix(version, bound) : order == 0;
  if (relation == "==") return equal;
  if (relation == "!=") return !equal;
  if (relation == "<") return order < 0;
  if (relation == "<=") return order <= 0;
  if (relation == ">") return order > 0;
  if (relation == ">=") return order >= 0;
  if (relation == "~=" && bound.size() > 1) {
    bound.pop_back();
    return order >= 0 && has_prefix(version, bound);
  }
  return std::nullopt;
}

}  // namespace

std::optional<bool> version_in_range(std::string_view version, std::string_view range) {
  const std::vector<std::uint64_t> release = release_of(version);
  if (release.empty()) return std::nullopt;
  bool all = true;
  for (const std::string_view part : split(range, ',')) {
    if (trim(part).empty()) continue;
    const auto one = satisfies(release, trim(part));
    if (!one) return std::nullopt;
    all = all && *one;
  }
  return all;
}

}  // namespace segwhy
