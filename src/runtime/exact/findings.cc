#include "runtime/exact/findings.h"

#include "runtime/crash/thread_state.h"
#include "runtime/exact/blocks.h"
#include "runtime/exact/consequence.h"
#include "runtime/exact/views.h"
#include "runtime/exact/written.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/guarded_copy.h"
#include "runtime/pal/registers.h"
#include "runtime/pal/syscall.h"
#include "runtime/pal/ticks.h"

namespace segwhy::runtime::exact {
namespace {

using wire::Access;
using wire::AccessFinding;
using wire::AccessTable;

// The most that a string function of libc takes in one step: four vectors of 64 bytes, aligned to all four.
constexpr uintptr_t kStringStep = 256;

Reporter reporter;

[[nodiscard]] uint32_t own_tid() {
  const uint32_t known = nearby_thread_state().tid;
  return known != 0 ? known : pal::thread_id();
}

// A string function may read from the aligned step in which a byte of the block lies, or to the end of the page.
[[nodiscard]] bool is_overread(const Bounds& bounds, const Touched& touched) {
  if ((touched.accesses & kWrite) != 0) return false;
  const bool begins_inside = touched.begin >= bounds.address && touched.begin < bounds.end();
  if (begins_inside && (touched.begin / kPageBytes) == ((touched.end - 1) / kPageBytes)) return true;
  const uintptr_t first = bounds.address & ~(kStringStep - 1);
  const uintptr_t last = (bounds.end() + kStringStep - 1) & ~(kStringStep - 1);
  return touched.begin >= first && touched.end <= last;
}

[[nodiscard]] uint32_t flags_of(const Trapped& trapped, const Bounds& bounds, const Touched& touched) {
  uint32_t flags = trapped.by_system_call() ? wire::kAccessBySystemCall : 0u;
  if ((touched.accesses & kRead) != 0) flags |= wire::kAccessRead;
  if ((touched.accesses & kWrite) != 0) flags |= wire::kAccessWrite;
  if (!bounds.live) flags |= wire::kAccessAfterFree;
  const bool inside = touched.begin >= bounds.address && touched.end <= bounds.end();
  if (!inside && !(trapped.origin == CodeOrigin::kStringFunction && is_overread(bounds, touched)))
    flags |= wire::kAccessOutOfBounds;
  return flags;
}

[[nodiscard]] Access access_of(const Trapped& trapped, const Bounds& bounds, const Touched& touched) {
  Access access{};
  access.pc = trapped.pc;
  access.ticks = pal::ticks();
  access.offset = static_cast<int64_t>(touched.begin - bounds.address);
  access.width = touched.end - touched.begin;
  access.tid = own_tid();
  access.flags = flags_of(trapped, bounds, touched);
  return access;
}

void log(uint32_t block, const Access& access) {
  wire::WatchedBlock* const watched = published(block);
  if (watched == nullptr) return;
  const uint64_t number = pal::fetch_add(watched->accesses, 1);
  watched->log[number % wire::kLoggedAccesses] = access;
}

// The place of a new finding in the table, or kMaxAccessFindings.
[[nodiscard]] uint32_t claim_finding() {
  AccessTable* const table = access_table();
  if (table == nullptr) return wire::kMaxAccessFindings;
  const uint32_t index = pal::fetch_add(table->finding_count, 1);
  return index < wire::kMaxAccessFindings ? index : wire::kMaxAccessFindings;
}

[[nodiscard]] AccessFinding* finding_at(uint32_t index) {
  return index < wire::kMaxAccessFindings ? &access_table()->findings[index] : nullptr;
}

void fill_finding(AccessFinding& finding, const Trapped& trapped, uint32_t block, const Access& access) {
  finding.record = block;
  finding.access = access;
  finding.block = published(block)->block;
  pal::read_registers(trapped.context, finding.registers);
  pal::store(finding.complete, 1);
}

// `known`: of the instruction, index+1 of its first such finding.
void report(const Trapped& trapped, uint32_t block, const Access& access, uint32_t& known) {
  constexpr uint32_t kClaimed = 0xffffffff;
  if (!pal::compare_exchange(known, 0u, kClaimed)) {
    AccessFinding* const first = finding_at(pal::load(known) - 1);
    if (first != nullptr) pal::fetch_add(first->repeats, 1);
    return;
  }
  const uint32_t index = claim_finding();
  AccessFinding* const finding = finding_at(index);
  if (finding != nullptr) fill_finding(*finding, trapped, block, access);
  pal::store(known, index + 1);
  if (reporter != nullptr) reporter(trapped.info, trapped.context, finding);
}

// Whether what the instruction loads decides something: looked up once.
[[nodiscard]] bool decides_at(CodeEntry& code) {
  constexpr uint32_t kNo = 1, kYes = 2;
  uint32_t known = pal::load(code.decides);
  if (known == 0) {
    uint8_t bytes[kConsequenceBytes];
    const size_t size = pal::guarded_copy(bytes, reinterpret_cast<const void*>(code.pc), sizeof bytes);
    known = decides(bytes, size) ? kYes : kNo;
    pal::store(code.decides, known);
  }
  return known == kYes;
}

// All of the bytes: part of what is loaded may be padding that is masked away.
[[nodiscard]] bool decides_by_unwritten(const Trapped& trapped, const Bounds& bounds, const Touched& touched) {
  const bool reads = touched.accesses == kRead && touched.end - touched.begin <= sizeof(uint64_t);
  return reads && bounds.live && trapped.code != nullptr && trapped.origin == CodeOrigin::kProgram &&
         is_unwritten(touched.begin, touched.end) && decides_at(*trapped.code);
}

// The table is for wrong accesses first.
constexpr uint32_t kMostUnwritten = 32;
uint32_t unwritten_findings;  // atomic

void observe_contents(const Trapped& trapped, uint32_t block, const Touched& touched, Access& access) {
  if (!decides_by_unwritten(trapped, bounds_of(block), touched)) return;
  const bool is_new = pal::load(trapped.code->unwritten) == 0;
  if (is_new && pal::fetch_add(unwritten_findings, 1) >= kMostUnwritten) return;
  access.flags |= wire::kAccessUnwritten;
  report(trapped, block, access, trapped.code->unwritten);
}

}  // namespace

void report_to(Reporter function) {
  reporter = function;
}

void observe(const Trapped& trapped, const Touched& touched) {
  if (touched.begin == touched.end) return;
  const uint32_t block = nearest_block(touched.begin);
  if (block == kNoBlock) return;
  Access access = access_of(trapped, bounds_of(block), touched);
  log(block, access);
  if ((touched.accesses & kWrite) != 0) note_written(touched.begin, touched.end);
  if ((access.flags & (wire::kAccessOutOfBounds | wire::kAccessAfterFree)) != 0) {
    report(trapped, block, access, *trapped.finding);
  } else {
    observe_contents(trapped, block, touched, access);
  }
  if (count_access(block)) open_block(block, wire::kWatchBudget);
}

}  // namespace segwhy::runtime::exact
