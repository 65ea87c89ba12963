// A plot of memory over time in characters. Pure, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evidence/model/memory.h"

namespace segwhy::report {

struct PlotStyle {
  std::size_t width = 80, height = 8;  // of the whole, labels included; of the plot's area, rows
  bool unicode = true;
};

// Rows from the top, the last one is the axis of time. Bytes are of the whole tree of processes. `limit` is drawn
// when it is less than twice the peak. Empty with fewer than two samples.
[[nodiscard]] std::vector<std::string> memory_plot_rows(const std::vector<MemorySample>& samples,
                                                        std::optional<std::uint64_t> limit, const PlotStyle& style);

// The largest tree_rss in each of `columns` equal parts of the time; a part without a sample has that of the one
// before.
[[nodiscard]] std::vector<std::uint64_t> column_peaks(const std::vector<MemorySample>& samples, std::size_t columns);

}  // namespace segwhy::report
