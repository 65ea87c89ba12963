// LiveView: the memory of a running program, on the terminal or as lines that scroll (`segwhy mem --live`), and the
// warning shortly before a limit (`--oom-guard`). Writes to standard error, bounded in time. Single-threaded.
#pragma once

#include <cstdint>
#include <string>

#include "memory/site_history.h"
#include "monitor/run_options.h"
#include "monitor/sampling.h"
#include "report/report.h"

namespace segwhy {

class LiveView {
 public:
  explicit LiveView(const MemoryOptions& options);

  // After each sample. `held`: of the largest process, nullptr without an account.
  void update(const MemorySampler& sampler, const memory::SiteHistory* held);
  // Takes the view off the terminal before a report is printed there.
  void finish();

 private:
  void show(const MemorySampler& sampler, const memory::SiteHistory* held);
  void warn(const MemorySampler& sampler, const memory::SiteHistory* held, std::uint64_t limit);
  void erase();

  bool live_, guard_;
  bool terminal_;
  bool warned_ = false;
  TextStyle style_;
  unsigned shown_rows_ = 0;
  std::uint64_t shown_ns_ = 0;
};

// The lines that hold most, one text line each: "  1.2 GiB  train.py:12". Pure.
[[nodiscard]] std::string largest_lines(const memory::SiteHistory& held, std::size_t most);

}  // namespace segwhy
