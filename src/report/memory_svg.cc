// The memory of a run as a picture: the resident set as an area, the call sites stacked in it, limit and events marked.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/text.h"
#include "diagnose/block_story.h"
#include "diagnose/site_growth.h"
#include "report/report.h"

namespace segwhy {
namespace {

constexpr double kWidth = 960, kHeight = 540;
constexpr double kLeft = 84, kRight = 24, kTop = 44, kBottom = 190;
constexpr std::size_t kColumns = 240;
constexpr std::size_t kSites = 8;
// Distinct also for who does not see all colours (Okabe and Ito).
constexpr std::array<const char*, kSites> kColours = {"#0072b2", "#e69f00", "#009e73", "#cc79a7",
                                                      "#56b4e9", "#d55e00", "#f0e442", "#999999"};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else if (static_cast<unsigned char>(c) >= ' ')
      out += c;
  }
  return out;
}

struct Scale {
  double begin = 0, length = 1, top = 1;
  [[nodiscard]] double x(double at_s) const {
    return kLeft + (kWidth - kLeft - kRight) * std::clamp((at_s - begin) / length, 0.0, 1.0);
  }
  [[nodiscard]] double y(double bytes) const { return kTop + (kHeight - kTop - kBottom) * (1 - bytes / top); }
};

std::optional<std::uint64_t> limit_of(const Case& c) {
  return c.machine.cgroup ? c.machine.cgroup->memory_limit : std::nullopt;
}

Scale scale_of(const Case& c) {
  Scale scale;
  std::uint64_t top = 1;
  const auto& samples = c.machine.samples;
  for (const MemorySample& s : samples) top = std::max(top, s.tree_rss);
  if (c.memory) top = std::max(top, c.memory->peak_bytes);
  if (const auto limit = limit_of(c); limit && *limit < 2 * top) top = std::max(top, *limit);
  if (!samples.empty()) {
    scale.begin = samples.front().at_s;
    scale.length = std::max(samples.back().at_s - scale.begin, 1e-9);
  }
  constexpr double kAir = 1.05;
  scale.top = static_cast<double>(top) * kAir;
  return scale;
}

double held_at(const MemorySite& site, double at) {
  const auto& series = site.series;
  const auto after =
      std::upper_bound(series.begin(), series.end(), at, [](double t, const SitePoint& p) { return t < p.at_s; });
  return after == series.begin() ? 0 : static_cast<double>((after - 1)->bytes);
}

void add_resident(const Case& c, const Scale& scale, std::string& out) {
  const auto& samples = c.machine.samples;
  if (samples.empty()) return;
  out += fmt::format("<path class=\"resident\" d=\"M{:.1f} {:.1f}", scale.x(samples.front().at_s), scale.y(0));
  for (const MemorySample& s : samples)
    out += fmt::format("L{:.1f} {:.1f}", scale.x(s.at_s), scale.y(static_cast<double>(s.tree_rss)));
  out += fmt::format("L{:.1f} {:.1f}Z\"/>\n", scale.x(samples.back().at_s), scale.y(0));
}

// The sites from the bottom up, the largest first.
void add_sites(const Case& c, const Scale& scale, std::string& out) {
  if (!c.memory) return;
  std::vector<double> floor(kColumns + 1, 0);
  const std::size_t count = std::min(kSites, c.memory->sites.size());
  for (std::size_t i = 0; i < count; ++i) {
    std::string upper, lower;
    for (std::size_t k = 0; k <= kColumns; ++k) {
      const double at = scale.begin + scale.length * static_cast<double>(k) / kColumns;
      upper += fmt::format("{}{:.1f} {:.1f}", k == 0 ? "M" : "L", scale.x(at),
                           scale.y(floor[k] + held_at(c.memory->sites[i], at)));
    }
    for (std::size_t k = kColumns + 1; k-- > 0;) {
      const double at = scale.begin + scale.length * static_cast<double>(k) / kColumns;
      lower += fmt::format("L{:.1f} {:.1f}", scale.x(at), scale.y(floor[k]));
      floor[k] += held_at(c.memory->sites[i], at);
    }
    out += fmt::format("<path fill=\"{}\" fill-opacity=\"0.85\" d=\"{}{}Z\"/>\n", kColours.at(i), upper, lower);
  }
}

void add_axes(const Scale& scale, std::string& out) {
  constexpr int kTicks = 4;
  for (int i = 0; i <= kTicks; ++i) {
    const double bytes = scale.top * i / kTicks;
    out += fmt::format("<line class=\"grid\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/>\n", kLeft,
                       kWidth - kRight, scale.y(bytes));
    out += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", kLeft - 6, scale.y(bytes) + 4,
                       human_bytes(static_cast<std::uint64_t>(bytes)));
    const double at = scale.begin + scale.length * i / kTicks;
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n", scale.x(at),
                       scale.y(0) + 18, duration(at));
  }
}

void add_marks(const Case& c, const Scale& scale, std::string& out) {
  if (const auto limit = limit_of(c); limit && static_cast<double>(*limit) <= scale.top) {
    const double y = scale.y(static_cast<double>(*limit));
    out += fmt::format("<line class=\"limit\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/>\n", kLeft,
                       kWidth - kRight, y);
    out += fmt::format("<text class=\"limit-text\" x=\"{}\" y=\"{:.1f}\">limit {}</text>\n", kLeft + 6, y - 5,
                       human_bytes(*limit));
  }
  if (!c.memory) return;
  for (const MemoryEvent& event : c.memory->events) {
    const double x = scale.x(event.at_s);
    out += fmt::format("<line class=\"event\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\"/>\n", x, kTop,
                       scale.y(0));
    out += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", x - 4, kTop + 12,
                       escaped(event.text));
  }
}

void add_legend(const Case& c, std::string& out) {
  constexpr double kLine = 18;
  double y = kHeight - kBottom + 44;
  if (c.memory) {
    for (std::size_t i = 0; i < std::min(kSites, c.memory->sites.size()); ++i, y += kLine) {
      const MemorySite& site = c.memory->sites[i];
      out += fmt::format("<rect x=\"{}\" y=\"{:.1f}\" width=\"12\" height=\"12\" fill=\"{}\"/>\n", kLeft, y - 10,
                         kColours.at(i));
      out += fmt::format("<text x=\"{}\" y=\"{:.1f}\">{}  {}  {}</text>\n", kLeft + 18, y,
                         escaped(human_bytes(site.peak_bytes)), escaped(site_name(site)), escaped(trim(site.source)));
    }
  }
  out += fmt::format("<rect class=\"resident\" x=\"{}\" y=\"{:.1f}\" width=\"12\" height=\"12\"/>\n", kWidth - 220,
                     kHeight - kBottom + 34);
  out +=
      fmt::format("<text x=\"{}\" y=\"{:.1f}\">resident, all processes</text>\n", kWidth - 202, kHeight - kBottom + 44);
}

}  // namespace

std::string render_memory_svg(const Case& evidence) {
  const Scale scale = scale_of(evidence);
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\">\n"
      "<style>text{{font:12px sans-serif;fill:#222}}.title{{font-size:15px}}.grid{{stroke:#ccc}}"
      ".resident{{fill:#ddd}}.limit{{stroke:#c00;stroke-width:2}}.limit-text{{fill:#c00}}"
      ".event{{stroke:#333;stroke-dasharray:4 3}}</style>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
      kWidth, kHeight);
  std::string command;
  for (const std::string& word : evidence.program.argv) command += (command.empty() ? "" : " ") + word;
  out += fmt::format("<text class=\"title\" x=\"{}\" y=\"26\">{}</text>\n", kLeft, escaped(command));
  add_axes(scale, out);
  add_resident(evidence, scale, out);
  add_sites(evidence, scale, out);
  add_marks(evidence, scale, out);
  add_legend(evidence, out);
  return out + "</svg>\n";
}

}  // namespace segwhy
