#include "report/page.h"

#include <fmt/format.h>

#include <algorithm>

namespace segwhy::report {
namespace {

constexpr std::size_t kMarginBefore = 2;
constexpr std::size_t kMargin = 12;  // labels of up to 8 characters between 2 and 2 spaces
constexpr std::size_t kMinimumWidth = 40;

const char* ellipsis(const Paint& paint) {
  return paint.unicode ? "\xE2\x80\xA6" : "...";
}

std::vector<Line> fold(const Item& item, std::size_t width, const Paint& paint) {
  if (item.one_line) return {cut(item.line, width, ellipsis(paint))};
  const std::vector<Line> whole = wrap(item.line, width);
  if (whole.size() == 1 || item.hang == 0) return whole;
  // The first part at full width, the rest hanging: wrap what follows it again, narrower.
  std::vector<Line> parts = wrap(item.line, width - std::min(item.hang, width / 2));
  for (std::size_t i = 1; i < parts.size(); ++i) {
    Line hung{std::string(item.hang, ' ')};
    parts[i] = hung.add(parts[i]);
  }
  return parts;
}

}  // namespace

void Page::add(Section section) {
  if (section.items.empty()) return;
  if (space_pending_) {
    space_pending_ = false;
    Section blank;
    blank.margin = false;
    blank.items.push_back({.line = Line(), .rank = kAir});
    add(std::move(blank));
  }
  const std::size_t margin = section.margin ? kMargin : 0;
  const std::size_t width = std::max(style_.width, kMinimumWidth) - margin;
  for (const Item& item : section.items) {
    blocks_.push_back({sections_.size(), item.rank, fold(item, width, style_.paint), false});
  }
  section.items.clear();
  sections_.push_back(std::move(section));
}

bool Page::hide_least() {
  Block* least = nullptr;
  for (Block& block : blocks_) {
    if (block.hidden || block.rank == kAlways) continue;
    if (!least || block.rank >= least->rank) least = &block;
  }
  if (least) least->hidden = true;
  return least != nullptr;
}

void Page::show_lone_lines() {
  for (std::size_t at = 0; at < blocks_.size(); ++at) {
    Block& block = blocks_[at];
    const auto left_out = [&](std::size_t other) {
      return other < blocks_.size() && blocks_[other].section == block.section && blocks_[other].hidden;
    };
    const bool alone = block.hidden && !left_out(at + 1) && (at == 0 || !left_out(at - 1));
    const auto same = [&](const Block& b) { return b.section == block.section && !b.hidden; };
    const bool gap_stands_for_it =
        !sections_[block.section].gap.empty() && std::any_of(blocks_.begin(), blocks_.end(), same);
    if (alone && gap_stands_for_it && block.lines.size() == 1) block.hidden = false;
  }
}

bool Page::fit(std::size_t reserve) {
  if (style_.height == 0) return false;
  const std::size_t room = style_.height - std::min(style_.height, reserve);
  while (count_lines() > room && hide_least()) {
  }
  show_lone_lines();
  return std::any_of(blocks_.begin(), blocks_.end(), [](const Block& b) { return b.hidden && b.rank != kAir; });
}

std::vector<Line> Page::body_of(const Section& section, std::size_t index, std::size_t& at) const {
  std::vector<Line> lines;
  std::size_t hidden = 0;
  const auto mark_gap = [&] {
    if (hidden > 0 && !section.gap.empty()) {
      lines.emplace_back(fmt::format("{} {} more {}", ellipsis(style_.paint), hidden, section.gap), Role::kFaint);
    }
    hidden = 0;
  };
  bool any = false;
  for (; at < blocks_.size() && blocks_[at].section == index; ++at) {
    if (blocks_[at].hidden) {
      ++hidden;
      continue;
    }
    mark_gap();
    any = true;
    lines.insert(lines.end(), blocks_[at].lines.begin(), blocks_[at].lines.end());
  }
  mark_gap();
  if (!any) lines.clear();  // a section that is wholly left out leaves no trace
  return lines;
}

// As many as visible_lines() would give, without making them.
std::size_t Page::count_lines() const {
  std::size_t total = 0;
  for (std::size_t at = 0, index = 0; index < sections_.size(); ++index) {
    std::size_t shown = 0, gaps = 0;
    bool in_gap = false;
    for (; at < blocks_.size() && blocks_[at].section == index; ++at) {
      if (blocks_[at].hidden && !in_gap) ++gaps;
      in_gap = blocks_[at].hidden;
      if (!in_gap) shown += blocks_[at].lines.size();
    }
    if (shown > 0) total += shown + (sections_[index].gap.empty() ? 0 : gaps);
  }
  return total;
}

std::vector<Line> Page::visible_lines() const {
  std::vector<Line> out;
  for (std::size_t at = 0, index = 0; index < sections_.size(); ++index) {
    const Section& section = sections_[index];
    bool first = true;
    for (const Line& body : body_of(section, index, at)) {
      Line line;
      if (first && !section.label.empty()) line.add(std::string(kMarginBefore, ' ')).add(section.label, Role::kLabel);
      if (section.margin) line.pad_to(kMargin);
      out.push_back(line.add(body));
      first = false;
    }
  }
  return out;
}

std::string Page::render() const {
  std::string out;
  for (const Line& line : visible_lines()) out.append(paint(line, style_.paint)).push_back('\n');
  return out;
}

}  // namespace segwhy::report
