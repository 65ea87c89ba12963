// How long the reading of the op takes in a process that is stopped inside one.
//
// usage: op_bench PID FUNCTION [RUNS]
// PID: of a process in which some thread runs a function of that name (a part of it: "SleepOp"). Captures the process,
// takes that thread for one that crashed, and reads the op over and over from nothing: memory, run-time type
// information and tables are read anew each time. Prints the op, the first time and the median, in milliseconds.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "assemble/assemble.h"
#include "base/text.h"
#include "capture/capture.h"
#include "frameworks/framework.h"

namespace {

using namespace segwhy;  // NOLINT(google-build-using-namespace): a program

bool runs(const Thread& thread, const std::string& function) {
  return std::any_of(thread.native.begin(), thread.native.end(),
                     [&](const NativeFrame& f) { return f.function.find(function) != std::string::npos; });
}

int refuse(const std::string& why) {
  fmt::print(stderr, "op_bench: {}\n", why);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto pid = argc > 2 ? parse_number(argv[1]) : std::nullopt;
  if (!pid) return refuse("usage: op_bench PID FUNCTION [RUNS]");
  const auto wanted = argc > 3 ? parse_number(argv[3]) : std::nullopt;
  const auto count = static_cast<std::size_t>(std::clamp<std::uint64_t>(wanted.value_or(21), 1, 1000));
  const auto capture = capture_live(static_cast<int>(*pid));
  if (!capture) return refuse(capture.error().what);
  Case evidence;
  assemble_from_capture(**capture, evidence, nullptr);
  const auto thread =
      std::find_if(evidence.threads.begin(), evidence.threads.end(), [&](const Thread& t) { return runs(t, argv[2]); });
  if (thread == evidence.threads.end()) return refuse(std::string("no thread runs ") + argv[2]);
  thread->crashed = true;
  std::vector<double> times;
  std::string op;
  for (std::size_t i = 0; i < count; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const auto reading = read_framework((*capture)->snapshot(), evidence.threads, evidence.program.modules);
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    op = reading.framework ? reading.framework->op : "";
  }
  const double first = times.front();
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(count / 2), times.end());
  fmt::print("{}: first {:.1f} ms, median {:.1f} ms of {}\n", op.empty() ? "no op" : op, first, times[count / 2],
             count);
  return op.empty() ? 1 : 0;
}
