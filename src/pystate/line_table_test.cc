#include "pystate/line_table.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace segwhy::pystate {
namespace {

std::vector<std::byte> table_of(std::initializer_list<int> values) {
  std::vector<std::byte> out;
  for (const int v : values) out.push_back(static_cast<std::byte>(v));
  return out;
}

std::optional<int> line_of(LineTableFormat format, std::initializer_list<int> table, std::int64_t instruction) {
  return find_location(format, table_of(table), 10, instruction).line;
}

TEST(LineTable, LnotabAddsUpToTheInstruction) {
  const auto line = [](std::int64_t at) {
    // Lines 10, 11 from byte 6, 9 from byte 14; then 300 bytes further 260 lines on: more than a pair can say.
    return line_of(LineTableFormat::kLnotab, {6, 1, 8, 0xFE, 255, 0, 45, 127, 0, 127, 0, 6}, at);
  };
  EXPECT_EQ(line(0), 10);
  EXPECT_EQ(line(5), 10);
  EXPECT_EQ(line(6), 11);
  EXPECT_EQ(line(13), 11);
  EXPECT_EQ(line(14), 9);
  EXPECT_EQ(line(313), 9);
  EXPECT_EQ(line(314), 269);
  EXPECT_EQ(line(100000), 269);
}

TEST(LineTable, Pep626HasRangesWithoutALine) {
  const auto line = [](std::int64_t at) {
    return line_of(LineTableFormat::kPep626, {4, 1, 6, 0x80, 2, 0, 0, 127, 254, 5}, at);
  };
  EXPECT_EQ(line(0), 11);
  EXPECT_EQ(line(4), std::nullopt);
  EXPECT_EQ(line(9), std::nullopt);
  EXPECT_EQ(line(10), 11);
  EXPECT_EQ(line(12), 143);
  EXPECT_EQ(line(265), 143);
  EXPECT_EQ(line(266), std::nullopt);
}

// Each entry covers 1 to 8 code units of 2 bytes; first byte: 1 kkkk sss.
int entry(int kind, int code_units) {
  return 0x80 | kind << 3 | (code_units - 1);
}

TEST(LineTable, LocationsOfEveryKind) {
  const auto table = table_of({
      entry(0, 1), 0x25,                // short: same line, columns 2 to 7
      entry(3, 1), 0x70,                // short: columns 3*8+7 to the same
      entry(11, 2), 4, 9,               // one line on, columns 4 to 9
      entry(13, 1), 3,                  // -1 line, no columns
      entry(14, 8), 40, 2, 5, 0x53, 1,  // +20 lines, ends 2 further, columns 4 to 82
      entry(15, 1),                     // none
  });
  const auto at = [&](std::int64_t instruction) {
    return find_location(LineTableFormat::kLocations, table, 10, instruction);
  };
  EXPECT_EQ(at(0), (CodeLocation{10, 10, 2, 7}));
  EXPECT_EQ(at(2), (CodeLocation{10, 10, 31, 31}));
  EXPECT_EQ(at(4), (CodeLocation{11, 11, 4, 9}));
  EXPECT_EQ(at(7), (CodeLocation{11, 11, 4, 9}));
  EXPECT_EQ(at(8), (CodeLocation{10, 10, std::nullopt, std::nullopt}));
  EXPECT_EQ(at(10), (CodeLocation{30, 32, 4, 82}));
  EXPECT_EQ(at(25), (CodeLocation{30, 32, 4, 82}));
  EXPECT_EQ(at(26), CodeLocation());
  EXPECT_EQ(at(28), CodeLocation());
}

TEST(LineTable, AFrameThatHasNotBegunIsOnTheFirstLine) {
  for (const int minor : {8, 9, 10, 11, 12, 13, 14})
    EXPECT_EQ(find_location(line_table_format(minor), {}, 10, -2).line, 10);
}

TEST(LineTable, EntriesThatAreCutOffSayNothing) {
  EXPECT_EQ(line_of(LineTableFormat::kPep626, {4}, 0), std::nullopt);
  EXPECT_EQ(line_of(LineTableFormat::kLocations, {entry(0, 1)}, 0), std::nullopt);
  EXPECT_EQ(line_of(LineTableFormat::kLocations, {entry(14, 1), 0x40}, 0), std::nullopt);
  EXPECT_EQ(line_of(LineTableFormat::kLocations, {0x7F, 0, 0}, 0), std::nullopt);  // no entry begins so
  // A number that never ends.
  EXPECT_EQ(line_of(LineTableFormat::kLocations, {entry(13, 1), 0x7F, 0x7F, 0x7F, 0x7F, 0x7F, 0x7F, 0x7F}, 0),
            std::nullopt);
}

TEST(LineTable, ALineOutOfRangeIsNone) {
  EXPECT_EQ(line_of(LineTableFormat::kLnotab, {0, 0x81}, 0), std::nullopt);
  EXPECT_EQ(line_of(LineTableFormat::kLocations, {entry(13, 1), 0x3F}, 0), std::nullopt);
}

TEST(LineTable, AnyBytesGiveAnAnswerOrNone) {
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    std::vector<std::byte> table(random() % 64);
    for (std::byte& b : table) b = static_cast<std::byte>(random());
    for (const auto format : {LineTableFormat::kLnotab, LineTableFormat::kPep626, LineTableFormat::kLocations}) {
      const CodeLocation at = find_location(format, table, static_cast<int>(random()), random() % 256);
      EXPECT_GE(at.line.value_or(1), 1);
      EXPECT_GE(at.end_line.value_or(0x7FFFFFFF), at.line.value_or(0));
      EXPECT_GE(at.column.value_or(0), 0);
    }
  }
}

}  // namespace
}  // namespace segwhy::pystate
