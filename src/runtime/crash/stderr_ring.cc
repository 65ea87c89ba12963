#include "runtime/crash/stderr_ring.h"

#include "runtime/crash/process.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/guarded_copy.h"

namespace segwhy::runtime {
namespace {

using wire::StderrRing;

// The index of a ring for this process, or kMaxRings.
[[nodiscard]] uint32_t claim_ring(uint32_t pid) {
  for (uint32_t i = 0; i < wire::kMaxRings; ++i) {
    StderrRing& ring = session()->rings[i];
    if (pal::load(ring.owner_pid) != 0 || !pal::compare_exchange(ring.owner_pid, 0u, pid)) continue;
    pal::store(ring.written, 0);
    return i;
  }
  return wire::kMaxRings;
}

[[nodiscard]] StderrRing* own_ring() {
  wire::ProcessRecord* const process = process_record();
  if (process == nullptr) return nullptr;
  if (pal::load(process->ring) == 0) {
    const uint32_t claimed = claim_ring(process->pid);
    if (claimed == wire::kMaxRings) return nullptr;
    if (!pal::compare_exchange(process->ring, 0u, claimed + 1)) {
      pal::store(session()->rings[claimed].owner_pid, 0);  // another thread was faster
    }
  }
  const uint32_t index = pal::load(process->ring);
  return index <= wire::kMaxRings ? &session()->rings[index - 1] : nullptr;
}

}  // namespace

void record_stderr(const void* data, size_t size) {
  StderrRing* const ring = own_ring();
  if (ring == nullptr) return;
  const char* text = static_cast<const char*>(data);
  uint64_t position = pal::fetch_add(ring->written, size);
  if (size > wire::kRingBytes) {  // only the end of it would survive
    text += size - wire::kRingBytes;
    position += size - wire::kRingBytes;
    size = wire::kRingBytes;
  }
  const size_t at = position % wire::kRingBytes;
  const size_t first = size < wire::kRingBytes - at ? size : wire::kRingBytes - at;
  pal::guarded_copy(ring->text + at, text, first);
  if (size != first) pal::guarded_copy(ring->text, text + first, size - first);
}

}  // namespace segwhy::runtime
