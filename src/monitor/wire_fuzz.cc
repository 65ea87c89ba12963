// Any bytes in the records that a broken program may have scribbled over.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "capture/crash_facts.h"
#include "monitor/death.h"
#include "monitor/session.h"

namespace {

// Copies from `data` over `object`, as far as it goes, and moves on.
template <class T>
void scribble(T& object, const std::uint8_t*& data, std::size_t& size, std::size_t most = sizeof(T)) {
  const std::size_t count = std::min({size, most, sizeof(T)});
  std::memcpy(static_cast<void*>(&object), data, count);
  data += count;
  size -= count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace segwhy;
  static const auto session = std::make_unique<wire::Session>();
  // The fields, and a few entries of the tables behind them.
  constexpr std::size_t kHead = 1024;
  for (wire::CrashRecord& crash : session->crashes) scribble(crash, data, size, kHead);
  for (std::size_t i = 0; i < 4; ++i) scribble(session->processes[i], data, size);
  scribble(session->rings[0], data, size, kHead);
  for (std::uint32_t i = 0; i < wire::kMaxCrashes + 1; ++i) {
    const auto facts = crash_facts(*session, i);
    if (facts && i >= wire::kMaxCrashes) std::abort();
  }
  for (const wire::CrashRecord& crash : session->crashes) {
    if (threads_in_handlers(*session, static_cast<int>(crash.pid)).size() > wire::kMaxCrashes) std::abort();
    if (read_abort_text(crash).size() > wire::kAbortTextBytes) std::abort();
    (void)death_of_crash(crash);
  }
  for (std::size_t i = 0; i < 4; ++i) {
    const wire::ProcessRecord& record = session->processes[i];
    (void)death_of_status(static_cast<int>(record.parent_pid), record);
    if (read_stderr_ring(*session, record.ring, record.pid).text.size() > wire::kRingBytes) std::abort();
  }
  return 0;
}
