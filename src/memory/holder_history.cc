#include "memory/holder_history.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <optional>

namespace segwhy::memory {
namespace {

constexpr std::uint64_t kLeastItems = 8;  // gained, or it is no growth

// Every second one of the older three quarters goes, as in SiteHistory.
void append(std::vector<LengthPoint>& series, const LengthPoint& point) {
  if (series.size() >= HolderHistory::kPoints) {
    const std::size_t older = series.size() / 4 * 3;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < series.size(); ++i)
      if (i >= older || i % 2 == 0) series[kept++] = series[i];
    series.resize(kept);
  }
  series.push_back(point);
}

// When it has grown by a tenth since the last time.
bool wants_weight(const NamedContainer& container, std::uint64_t length) {
  constexpr std::uint64_t kTenth = 10;
  return length >= container.shortest + kLeastItems && length > container.weighed_at + container.weighed_at / kTenth;
}

constexpr std::size_t kMoments = 16;
using Moments = std::array<double, kMoments>;

// Moments at which the container was looked at, evenly spread over its looks from `from_s` to `to_s`: the line was
// looked at then, too, which is not so of moments in between. nullopt: too few looks.
std::optional<Moments> moments_of(const std::vector<LengthPoint>& series, double from_s, double to_s) {
  constexpr std::size_t kLeastLooks = 8;
  std::vector<double> looks;
  for (const LengthPoint& point : series)
    if (point.at_s >= from_s && point.at_s <= to_s) looks.push_back(point.at_s);
  if (looks.size() < kLeastLooks) return std::nullopt;
  Moments out{};
  for (std::size_t i = 0; i < kMoments; ++i) out[i] = looks[i * (looks.size() - 1) / (kMoments - 1)];
  return out;
}

// The share of the whole gain that was reached at each of the moments, counting only what stays to the last of them;
// nullopt: no gain.
template <class Point, class Value>
std::optional<Moments> curve_of(const std::vector<Point>& series, const Moments& at, const Value& value,
                                double& gained) {
  Moments out{};
  auto point = series.rbegin();
  while (point != series.rend() && point->at_s > at.back()) ++point;
  if (point == series.rend()) return std::nullopt;
  double least = value(*point);
  for (std::size_t i = kMoments; i-- > 0;) {
    while (point != series.rend() && point->at_s > at[i]) least = std::min(least, value(*point++));
    if (point != series.rend()) least = std::min(least, value(*point));
    out[i] = least;
  }
  gained = out.back() - out.front();
  if (gained <= 0) return std::nullopt;
  const double first = out.front();
  for (double& share : out) share = (share - first) / gained;
  return out;
}

bool has_word(const std::string& text, const std::string& word) {
  const auto part_of_name = [](char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; };
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const auto end = at + word.size();
    if ((at == 0 || !part_of_name(text[at - 1])) && (end == text.size() || !part_of_name(text[end]))) return true;
  }
  return false;
}

// A function that ends late in the run frees what it held: what comes after the most that a line held is then no part
// of its growth.
double end_of_growth(const std::vector<SitePoint>& line) {
  constexpr double kEnding = 0.85;  // as in site_growth
  const auto most =
      std::max_element(line.begin(), line.end(), [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
  const double end = line.back().at_s;
  return most->at_s >= kEnding * end ? most->at_s : end;
}

std::uint64_t length_at(const std::vector<LengthPoint>& series, double at_s) {
  std::uint64_t length = 0;
  for (const LengthPoint& point : series)
    if (point.at_s <= at_s) length = point.length;
  return length;
}

struct Match {
  Holder holder;
  bool named = false;  // in the source of the line
  double distance = 0;
};

std::optional<Match> match(const std::vector<SitePoint>& line, const NamedContainer& container) {
  constexpr double kFarthest = 0.2;     // of the whole gain, at any moment
  constexpr double kLeastPart = 0.5;    // of the line's life that both were seen
  constexpr double kLeastShare = 0.25;  // of the line's gain, that the items must be able to hold
  if (line.empty() || container.series.empty()) return std::nullopt;
  const double from = std::max(line.front().at_s, container.series.front().at_s);
  const double to = std::min(end_of_growth(line), container.series.back().at_s);
  if (to - from < kLeastPart * (line.back().at_s - line.front().at_s) || to <= from) return std::nullopt;
  const auto moments = moments_of(container.series, from, to);
  if (!moments) return std::nullopt;
  double bytes = 0, items = 0;
  const auto of_line = curve_of(
      line, *moments, [](const SitePoint& p) { return static_cast<double>(p.bytes); }, bytes);
  const auto of_container = curve_of(
      container.series, *moments, [](const LengthPoint& p) { return static_cast<double>(p.length); }, items);
  if (!of_line || !of_container || items < static_cast<double>(kLeastItems)) return std::nullopt;
  Match out;
  for (std::size_t i = 0; i < kMoments; ++i)
    out.distance = std::max(out.distance, std::abs((*of_line)[i] - (*of_container)[i]));
  if (out.distance > kFarthest) return std::nullopt;
  const bool enough = items * container.weight.bytes >= kLeastShare * bytes;
  if (!enough && container.weight.whole) return std::nullopt;
  Holder& holder = out.holder;
  holder.type = container.weight.type.empty() ? container.type : container.type + " of " + container.weight.type;
  holder.name = container.name;
  holder.path = container.path;
  holder.length = length_at(container.series, to);
  holder.objects = static_cast<std::uint64_t>(items);
  if (enough) holder.bytes = static_cast<std::uint64_t>(items * container.weight.bytes);
  return out;
}

}  // namespace

void HolderHistory::add(double at_s, pystate::Variables& variables, const std::vector<pystate::Variable>& found) {
  for (const pystate::Variable& variable : found) {
    const std::string path = variable.root + "." + variable.name;
    const auto [it, added] = by_path_.try_emplace(path, containers_.size());
    if (added) {
      if (containers_.size() >= kContainers) {
        by_path_.erase(it);
        continue;
      }
      containers_.push_back({path, variable.name, variable.type, {}, {}, 0, variable.length});
    }
    NamedContainer& container = containers_[it->second];
    container.type = variable.type;
    container.shortest = std::min(container.shortest, variable.length);
    append(container.series, {at_s, variable.length});
    if (!wants_weight(container, variable.length)) continue;
    container.weight = variables.weigh(variable, variable.length - container.shortest);
    container.weighed_at = variable.length;
  }
}

std::vector<Holder> holders_of(const std::vector<SitePoint>& line, const std::string& source,
                               const std::vector<NamedContainer>& containers) {
  constexpr std::size_t kMostTold = 4;
  std::vector<Match> matches;
  for (const NamedContainer& container : containers) {
    auto found = match(line, container);
    if (!found) continue;
    found->named = has_word(source, container.name);
    matches.push_back(std::move(*found));
  }
  std::stable_sort(matches.begin(), matches.end(), [](const Match& a, const Match& b) {
    if (a.holder.bytes.has_value() != b.holder.bytes.has_value()) return a.holder.bytes.has_value();
    if (a.named != b.named) return a.named;
    if (a.holder.bytes != b.holder.bytes) return a.holder.bytes > b.holder.bytes;
    return a.distance < b.distance;
  });
  std::vector<Holder> out;
  for (std::size_t i = 0; i < std::min(kMostTold, matches.size()); ++i) out.push_back(std::move(matches[i].holder));
  return out;
}

}  // namespace segwhy::memory
