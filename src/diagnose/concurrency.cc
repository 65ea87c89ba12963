#include "diagnose/concurrency.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "diagnose/frames.h"
#include "diagnose/narrate.h"

namespace segwhy {
namespace {

bool changes_memory_map(const Thread& thread) {
  for (std::size_t i = 0; i < std::min<std::size_t>(thread.native.size(), 6); ++i) {
    const std::string_view name = plain_name(thread.native[i]);
    if (name == "munmap" || name == "__munmap" || name == "mremap" || name == "realloc" || name == "free") return true;
  }
  return false;
}

std::string thread_line(const Thread& thread) {
  for (const PythonFrame& frame : thread.python)
    if (frame.origin == "user" && frame.line) return " called from " + short_place(frame.file, frame.line);
  return {};
}

}  // namespace

std::vector<std::string> concurrent_activity(const Facts& facts) {
  std::vector<std::string> found;
  if (facts.crashed == nullptr || facts.crashed->native.empty()) return found;
  const NativeFrame* culprit = culprit_frame(*facts.crashed);
  for (const Thread& thread : facts.evidence.threads) {
    if (&thread == facts.crashed || thread.native.empty() || found.size() >= 3) continue;
    if (changes_memory_map(thread)) {
      found.push_back(fmt::format("At that moment {} was releasing or moving memory ({}){}.", thread_name(thread),
                                  describe(thread.native.front()), thread_line(thread)));
      continue;
    }
    const NativeFrame* other = culprit_frame(thread);
    const bool same_library = culprit != nullptr && other != nullptr && !culprit->module.empty() &&
                              !is_interpreter(*culprit) && !is_libc(*culprit) && other->module == culprit->module;
    if (same_library && wait_of(thread) == Wait::kRunning)
      found.push_back(fmt::format("At that moment {} was also inside {} ({}){}.", thread_name(thread),
                                  base_name(other->module), describe(*other), thread_line(thread)));
  }
  return found;
}

}  // namespace segwhy
