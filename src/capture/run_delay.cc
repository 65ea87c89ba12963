#include "capture/run_delay.h"

#include <charconv>
#include <string>

#include "capture/procfs.h"

namespace segwhy {

// "<on a processor> <waiting for one> <times>"
std::uint64_t read_run_delay_ns(int pid) {
  const std::string text = read_proc(proc_path(pid, "schedstat"));
  const std::size_t at = text.find(' ');
  std::uint64_t delay = 0;
  if (at != std::string::npos) std::from_chars(text.data() + at + 1, text.data() + text.size(), delay);
  return delay;
}

}  // namespace segwhy
