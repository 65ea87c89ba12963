#include "pystate/line_table.h"

namespace segwhy::pystate {
namespace {

using Table = std::span<const std::byte>;

constexpr std::int64_t kMaxLine = 0x7FFFFFFF;

// A line number as the report takes it; none when the table's sums left the plausible range.
std::optional<int> checked_line(std::int64_t line) {
  if (line < 1 || line > kMaxLine) return std::nullopt;
  return static_cast<int>(line);
}

std::int64_t unsigned_at(Table table, std::size_t i) {
  return std::to_integer<std::uint8_t>(table[i]);
}

std::int64_t signed_at(Table table, std::size_t i) {
  return static_cast<std::int8_t>(std::to_integer<std::uint8_t>(table[i]));
}

// Pairs (address increment, line increment): a line begins at the sum of addresses up to its pair.
CodeLocation find_in_lnotab(Table table, int first_line, std::int64_t instruction) {
  std::int64_t line = first_line;
  std::int64_t address = 0;
  for (std::size_t i = 0; i + 1 < table.size(); i += 2) {
    address += unsigned_at(table, i);
    if (address > instruction) break;
    line += signed_at(table, i + 1);
  }
  return {.line = checked_line(line), .end_line = {}, .column = {}, .end_column = {}};
}

// Pairs (bytes covered, line increment); increment -128 marks a range that has no line.
CodeLocation find_in_pep626(Table table, int first_line, std::int64_t instruction) {
  constexpr std::int64_t kNoLine = -128;
  std::int64_t line = first_line;
  std::int64_t end = 0;
  for (std::size_t i = 0; i + 1 < table.size(); i += 2) {
    const std::int64_t delta = signed_at(table, i + 1);
    if (delta != kNoLine) line += delta;
    end += unsigned_at(table, i);
    if (instruction >= end) continue;
    if (delta == kNoLine) return {};
    return {.line = checked_line(line), .end_line = {}, .column = {}, .end_column = {}};
  }
  return {};
}

// Reads the entries of the location table; the format is described in CPython's Objects/locations.md
// (InternalDocs/code_objects.md from 3.14 on).
class LocationEntries {
 public:
  LocationEntries(Table table, int first_line) : table_(table), line_(first_line) {}

  // False at the end of the table, and on an entry that is cut off.
  bool next() {
    if (at_ >= table_.size()) return false;
    const std::int64_t first = unsigned_at(table_, at_++);
    if ((first & 0x80) == 0) return false;
    bytes_covered_ = ((first & 7) + 1) * kCodeUnit;
    read_place(static_cast<int>((first >> 3) & 15));
    return !cut_off_;
  }

  [[nodiscard]] std::int64_t bytes_covered() const { return bytes_covered_; }
  [[nodiscard]] const CodeLocation& location() const { return location_; }

 private:
  static constexpr std::int64_t kCodeUnit = 2;
  // Kinds of entries.
  static constexpr int kOneLine0 = 10, kOneLine2 = 12, kNoColumns = 13, kLong = 14, kNone = 15;

  void read_place(int kind) {
    location_ = {};
    if (kind == kNone) return;
    if (kind == kLong) {
      line_ += signed_varint();
      const std::int64_t end_line = line_ + varint();
      const std::int64_t column = varint() - 1;
      const std::int64_t end_column = varint() - 1;
      return set(end_line, column, end_column);
    }
    if (kind == kNoColumns) {
      line_ += signed_varint();
      return set(line_, -1, -1);
    }
    if (kind >= kOneLine0 && kind <= kOneLine2) {
      line_ += kind - kOneLine0;
      const std::int64_t column = byte();
      return set(line_, column, byte());
    }
    const std::int64_t second = byte();
    const std::int64_t column = kind * 8 + ((second >> 4) & 7);
    set(line_, column, column + (second & 15));
  }

  void set(std::int64_t end_line, std::int64_t column, std::int64_t end_column) {
    location_.line = checked_line(line_);
    if (!location_.line) return;
    if (end_line >= line_) location_.end_line = checked_line(end_line);
    if (column < 0 || end_column < 0 || column > kMaxLine || end_column > kMaxLine) return;
    location_.column = static_cast<int>(column);
    location_.end_column = static_cast<int>(end_column);
  }

  std::int64_t byte() {
    if (at_ >= table_.size()) {
      cut_off_ = true;
      return 0;
    }
    return unsigned_at(table_, at_++);
  }

  // Little-endian groups of 6 bits; bit 6 says that another follows.
  std::int64_t varint() {
    constexpr int kMaxShift = 30;
    std::int64_t value = 0;
    for (int shift = 0; shift <= kMaxShift; shift += 6) {
      const std::int64_t group = byte();
      value |= (group & 63) << shift;
      if ((group & 64) == 0) return value;
    }
    cut_off_ = true;
    return 0;
  }

  std::int64_t signed_varint() {
    const std::int64_t value = varint();
    return (value & 1) != 0 ? -(value >> 1) : value >> 1;
  }

  Table table_;
  std::size_t at_ = 0;
  std::int64_t line_;
  std::int64_t bytes_covered_ = 0;
  CodeLocation location_;
  bool cut_off_ = false;
};

CodeLocation find_in_locations(Table table, int first_line, std::int64_t instruction) {
  LocationEntries entries(table, first_line);
  std::int64_t end = 0;
  while (entries.next()) {
    end += entries.bytes_covered();
    if (instruction < end) return entries.location();
  }
  return {};
}

}  // namespace

LineTableFormat line_table_format(int minor) {
  if (minor <= 9) return LineTableFormat::kLnotab;
  return minor == 10 ? LineTableFormat::kPep626 : LineTableFormat::kLocations;
}

CodeLocation find_location(LineTableFormat format, std::span<const std::byte> table, int first_line,
                           std::int64_t instruction) {
  if (instruction < 0) return {.line = checked_line(first_line), .end_line = {}, .column = {}, .end_column = {}};
  switch (format) {
    case LineTableFormat::kLnotab:
      return find_in_lnotab(table, first_line, instruction);
    case LineTableFormat::kPep626:
      return find_in_pep626(table, first_line, instruction);
    case LineTableFormat::kLocations:
      return find_in_locations(table, first_line, instruction);
  }
  return {};
}

}  // namespace segwhy::pystate
