#include "base/signal_names.h"

#include <algorithm>
#include <array>
#include <utility>

namespace segwhy {
namespace {

// Linux, x86-64 and AArch64.
constexpr std::array<std::pair<int, const char*>, 22> kNames = {
    {{1, "SIGHUP"},   {2, "SIGINT"},   {3, "SIGQUIT"},    {4, "SIGILL"},     {5, "SIGTRAP"},  {6, "SIGABRT"},
     {7, "SIGBUS"},   {8, "SIGFPE"},   {9, "SIGKILL"},    {10, "SIGUSR1"},   {11, "SIGSEGV"}, {12, "SIGUSR2"},
     {13, "SIGPIPE"}, {14, "SIGALRM"}, {15, "SIGTERM"},   {16, "SIGSTKFLT"}, {24, "SIGXCPU"}, {25, "SIGXFSZ"},
     {30, "SIGPWR"},  {31, "SIGSYS"},  {26, "SIGVTALRM"}, {27, "SIGPROF"}}};

}  // namespace

std::string signal_name(int signal) {
  const auto* known = std::find_if(kNames.begin(), kNames.end(), [&](const auto& s) { return s.first == signal; });
  return known != kNames.end() ? known->second : "signal " + std::to_string(signal);
}

}  // namespace segwhy
