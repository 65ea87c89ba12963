#include "runtime/crash/thread_starts.h"

#include "runtime/crash/process.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/guarded_copy.h"

namespace segwhy::runtime {
namespace {

using wire::ThreadStart;

[[nodiscard]] uint64_t first_word(const void* argument) {
  uint64_t word = 0;
  const bool read = argument != nullptr && pal::guarded_copy(&word, argument, sizeof word) == sizeof word;
  return read ? word : 0;
}

// One thread more in an entry that is in use: false when it has just become free.
[[nodiscard]] bool join_entry(ThreadStart& entry) {
  for (uint32_t live = pal::load(entry.live); live != 0; live = pal::load(entry.live))
    if (pal::compare_exchange(entry.live, live, live + 1)) return true;
  return false;
}

[[nodiscard]] bool is_of(const ThreadStart& entry, uint64_t routine, uint64_t word) {
  return entry.routine == routine && entry.argument_word == word;
}

}  // namespace

uint32_t note_thread_start(void* (*start)(void*), const void* argument) {
  wire::ProcessRecord* const record = process_record();
  if (record == nullptr) return 0;
  const auto routine = reinterpret_cast<uint64_t>(start);
  const uint64_t word = first_word(argument);
  for (uint32_t i = 0; i < wire::kMaxThreadStarts; ++i) {
    ThreadStart& entry = record->starts[i];
    if (!is_of(entry, routine, word) || !join_entry(entry)) continue;
    if (is_of(entry, routine, word)) return i + 1;
    pal::fetch_add(entry.live, -1);  // another's meanwhile
  }
  for (uint32_t i = 0; i < wire::kMaxThreadStarts; ++i) {
    ThreadStart& entry = record->starts[i];
    if (!pal::compare_exchange(entry.live, 0, 1)) continue;
    entry.routine = routine;
    entry.argument_word = word;
    return i + 1;
  }
  return 0;
}

void note_thread_end(uint32_t entry) {
  wire::ProcessRecord* const record = process_record();
  if (record != nullptr && entry != 0) pal::fetch_add(record->starts[entry - 1].live, -1);
}

void inherit_thread_starts(const wire::ProcessRecord& parent, wire::ProcessRecord& child) {
  for (uint32_t i = 0; i < wire::kMaxThreadStarts; ++i) child.parent_starts[i] = parent.starts[i];
}

}  // namespace segwhy::runtime
