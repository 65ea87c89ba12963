// SiteHistory: what each line of a program held over the run, in bounded space, from looks at the recorder's table.
//
// Sites (stacks) are added up by line. A series keeps all points of late and ever fewer of long ago, so that a run of
// any length fits; what does not change takes two points. Single-threaded.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "evidence/model/memory.h"
#include "memory/line_key.h"
#include "memory/site_reader.h"

namespace segwhy::memory {

// A line and what it held at the last look.
struct LineAccount {
  LineKey key;
  std::uint64_t live_bytes = 0, live_blocks = 0, total_bytes = 0, total_blocks = 0;
  std::uint64_t peak_bytes = 0;  // when all of the process's lines together held most
  std::uint64_t largest = 0, latest_ticks = 0, latest_size = 0;
  bool mappings = false;
  std::uint32_t stacks = 0;
  std::uint32_t stack = 0;  // that holds, or held, most of it
  std::uint64_t stack_bytes = 0;
  std::vector<SitePoint> series;
};

class SiteHistory {
 public:
  static constexpr std::size_t kPoints = 240;  // of a series
  static constexpr std::size_t kLines = 4096;  // further ones are added up in one that has no name

  // Names a stack; nullopt: nothing is known of it.
  using Resolve = std::function<std::optional<LineKey>(std::uint32_t stack)>;

  // One look at the table, `at_s` after the start of the run.
  void add(double at_s, const SiteTable& table, const Resolve& resolve);

  [[nodiscard]] const std::vector<LineAccount>& lines() const { return lines_; }
  [[nodiscard]] std::uint64_t live_bytes() const { return live_bytes_; }
  [[nodiscard]] std::uint64_t live_blocks() const { return live_blocks_; }
  [[nodiscard]] std::uint64_t peak_bytes() const { return peak_bytes_; }
  [[nodiscard]] std::optional<double> peak_at_s() const { return peak_at_s_; }

 private:
  [[nodiscard]] std::size_t line_of(std::size_t site, std::uint32_t stack, const Resolve& resolve);
  void note_peak(double at_s);

  std::vector<LineAccount> lines_;
  std::map<LineKey, std::size_t> by_key_;
  std::vector<std::size_t> of_site_;  // line of each site, kUnresolved: not looked up yet
  std::uint64_t live_bytes_ = 0, live_blocks_ = 0, peak_bytes_ = 0;
  std::optional<double> peak_at_s_;
};

}  // namespace segwhy::memory
