// A page: labelled sections of lines, fitted into the terminal's width and height. Pure, thread-safe.
//
// What does not fit is left out by rank, least important first, and the page says so: the reader of a small terminal
// gets the same verdict, place and advice as the reader of a large one.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "report/styled.h"

namespace segwhy::report {

// How soon a line is left out when space is short: higher ranks go first, kAlways never.
enum Rank : int { kAlways = 0, kFirst = 10, kSecond = 20, kThird = 30, kDetail = 40, kAir = 45, kContext = 50 };

struct Item {
  Line line = {};
  int rank = kAlways;
  std::size_t hang = 0;   // indentation of the lines after the first when wrapped
  bool one_line = false;  // cut at the width instead of wrapped: source lines, stack frames
};

struct Section {
  std::string label;  // in the left margin of its first line; empty for none
  std::vector<Item> items;
  std::string gap;     // noun for left-out items ("frames"): a line that counts them stands in their place
  bool margin = true;  // false: starts at the first column
};

struct PageStyle {
  std::size_t width = 100;
  std::size_t height = 0;  // 0: no limit
  Paint paint = {};
};

class Page {
 public:
  explicit Page(const PageStyle& style) : style_(style) {}

  // Sections without items are dropped.
  void add(Section section);
  // An empty line before the next section; goes early.
  void space() { space_pending_ = true; }

  // Leaves out what does not fit, keeping `reserve` lines free; true when anything was left out. Call once, last but
  // for sections that go into the reserve.
  bool fit(std::size_t reserve);

  [[nodiscard]] std::string render() const;

 private:
  struct Block {
    std::size_t section = 0;
    int rank = kAlways;
    std::vector<Line> lines;
    bool hidden = false;
  };

  [[nodiscard]] std::vector<Line> visible_lines() const;
  // The visible lines of section `index`, whose blocks start at `at`; moves `at` past them.
  [[nodiscard]] std::vector<Line> body_of(const Section& section, std::size_t index, std::size_t& at) const;
  [[nodiscard]] std::size_t count_lines() const;
  [[nodiscard]] bool hide_least();
  // A line that counts one left-out line takes as much room as the line itself.
  void show_lone_lines();

  PageStyle style_;
  std::vector<Section> sections_;
  std::vector<Block> blocks_;
  bool space_pending_ = false;
};

}  // namespace segwhy::report
