// capture_bench PID [ROUNDS]: how long a live process is stopped, and what a capture costs. Prints, judges nothing.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

#include "capture/capture.h"
#include "capture/freezer.h"

namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

void print(const char* what, std::vector<double> times) {
  std::sort(times.begin(), times.end());
  std::printf("%-34s median %7.2f ms   min %7.2f   max %7.2f\n", what, times[times.size() / 2], times.front(),
              times.back());
}

// Pointer-sized reads scattered over the mappings, as a scan that follows pointers does.
std::size_t scattered_reads(const segwhy::Snapshot& snapshot, std::size_t count) {
  std::size_t readable = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const segwhy::Mapping& m = snapshot.mappings[i * 7919 % snapshot.mappings.size()];
    const std::uint64_t offset = i * 2654435761U % (m.end - m.start) & ~std::uint64_t{7};
    if (snapshot.memory->pointer(m.start + offset)) ++readable;
  }
  return readable;
}

}  // namespace

int main(int argc, char** argv) {
  const int pid = argc > 1 ? std::atoi(argv[1]) : 0;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 20;
  std::vector<double> freeze, release, capture, reads;
  std::size_t threads = 0, mappings = 0;
  for (int i = 0; i < rounds; ++i) {
    segwhy::Result<std::unique_ptr<segwhy::Freezer>> frozen;
    freeze.push_back(milliseconds([&] { frozen = segwhy::Freezer::freeze(pid); }));
    if (!frozen) {
      std::fprintf(stderr, "%s\n", frozen.error().what.c_str());
      return 1;
    }
    threads = (*frozen)->threads().size();
    release.push_back(milliseconds([&] { (*frozen)->release(); }));
    segwhy::Result<std::unique_ptr<segwhy::Capture>> captured;
    capture.push_back(milliseconds([&] { captured = segwhy::capture_live(pid); }));
    if (!captured) return 1;
    mappings = (*captured)->snapshot().mappings.size();
    reads.push_back(milliseconds([&] { (void)scattered_reads((*captured)->snapshot(), 10'000); }));
  }
  std::printf("%zu threads, %zu mappings, %d rounds\n", threads, mappings, rounds);
  print("freeze and registers", freeze);
  print("release", release);
  print("capture (freeze, maps, threads)", capture);
  print("10000 scattered 8-byte reads", reads);
  return 0;
}
