#include "runtime/heap/governor.h"

#include <time.h>

#include "runtime/heap/recorder.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/syscall.h"
#include "runtime/pal/ticks.h"

namespace segwhy::runtime::heap {
namespace {

// A program's first moments are where new code runs: they may cost this much more, once.
constexpr int64_t kInitialCreditNs = 80'000'000;
// More is never saved up: a long quiet phase does not pay for a long slow one.
constexpr int64_t kMostCreditNs = 80'000'000;
// Of the budget, this share is given out: not all of the cost is seen here.
constexpr int64_t kSharePercent = 60;
// Of a call path, even without credit; as long as the debt is bearable.
constexpr int64_t kMostDebtNs = 100'000'000;
constexpr uint8_t kFirstBlocks = 16;
constexpr uint32_t kPaths = 1 << 14;
// One that was preempted while it was measured.
constexpr uint64_t kMostTicks = 400'000;
// What a page costs when it is touched again at its new address, and for using other pages than those that the CPU's
// caches hold: measured with arrays of 128 KB and 1 MB, per page and half a block's life. Larger ones were never
// cached.
constexpr uint64_t kTicksPerPage = 250;
constexpr uint64_t kMostCachedPages = 256;
// Half a small block's life: its memory comes back from quarantine cold.
constexpr uint64_t kTicksPerSmallBlock = 150;
// Making pages inaccessible empties the CPU's address cache (virtual machines, all of it): what refilling it takes.
constexpr uint64_t kTicksPerRevocation = 16'000;
// Between two looks at the CPU clock: so much was charged, or so many blocks were refused.
constexpr uint64_t kLookTicks = 1 << 20;
constexpr uint32_t kLookRefusals = 512;

enum Level : uint32_t { kLevelAll = 0, kLevelBatches = 1, kLevelFirstOnly = 2, kLevelNone = 3 };

[[nodiscard]] Level level_for(int64_t credit_ns) {
  if (credit_ns > kMostCreditNs / 2) return kLevelAll;
  if (credit_ns > 0) return kLevelBatches;
  return credit_ns > -kMostDebtNs ? kLevelFirstOnly : kLevelNone;
}

struct Account {
  uint64_t spent;       // ticks, all
  uint64_t seen_spent;  // at the last look
  uint64_t seen_cpu_ns;
  int64_t credit_ns;  // at the last look
  uint32_t refusals;  // since the last look
  uint32_t permille;
  uint32_t looking;  // 1: a thread does
  uint32_t level;    // Level
  uint8_t paths[kPaths];
};

Account account;

[[nodiscard]] bool is_unlimited() {
  return account.permille >= 1000;
}

[[nodiscard]] uint64_t process_cpu_ns() {
  timespec now{};
  pal::syscall(SYS_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

// By the clocks' pairs of the recorder: the first at load, the other now.
[[nodiscard]] int64_t to_ns(uint64_t ticks) {
  recorder::refresh_clock();
  const wire::AreaHeader* const area = recorder::area();
  if (area == nullptr) return 0;
  const uint64_t passed = area->latest_clock.ticks - area->first_clock.ticks;
  const uint64_t passed_ns = area->latest_clock.monotonic_ns - area->first_clock.monotonic_ns;
  if (passed == 0) return 0;
  return static_cast<int64_t>(static_cast<double>(ticks) * static_cast<double>(passed_ns) /
                              static_cast<double>(passed));
}

void publish(uint64_t window_cpu_ns, int64_t window_spent_ns) {
  wire::AreaHeader* const area = recorder::area();
  if (area == nullptr) return;
  wire::GovernorState& state = area->governor;
  const uint32_t level = account.level;
  if (level != state.level) ++state.changes;
  state.level = level;
  if (level > state.highest_level) state.highest_level = level;
  state.spent_ticks = pal::load(account.spent);
  state.cpu_ns += window_cpu_ns;
  if (window_cpu_ns != 0)
    state.cost_permille = static_cast<uint32_t>(window_spent_ns * 1000 / static_cast<int64_t>(window_cpu_ns));
}

void look() {
  if (pal::exchange(account.looking, 1u) != 0) return;
  const uint64_t cpu_ns = process_cpu_ns();
  const uint64_t spent = pal::load(account.spent);
  const int64_t spent_ns = to_ns(spent - account.seen_spent);
  const uint64_t passed_ns = cpu_ns - account.seen_cpu_ns;
  const int64_t earned = static_cast<int64_t>(passed_ns) * account.permille / 1000 * kSharePercent / 100;
  int64_t credit = account.credit_ns + earned - spent_ns;
  if (credit > kMostCreditNs) credit = kMostCreditNs;
  account.credit_ns = credit;
  account.seen_spent = spent;
  account.seen_cpu_ns = cpu_ns;
  pal::store(account.level, is_unlimited() ? kLevelAll : level_for(credit));
  pal::store(account.refusals, 0u);
  publish(passed_ns, spent_ns);
  pal::store(account.looking, 0u);
}

// A refused block must cost next to nothing: threads that meet here lose a count, which an atomic addition would not.
[[nodiscard]] bool counts_for_look() {
  const uint32_t refusals = __atomic_load_n(&account.refusals, __ATOMIC_RELAXED) + 1;
  __atomic_store_n(&account.refusals, refusals, __ATOMIC_RELAXED);
  return refusals >= kLookRefusals;
}

// A call path by the place it calls from and the depth of its stack: as good as a stack, and costs nothing.
[[nodiscard]] uint8_t& blocks_of_path(const void* return_address, const void* frame) {
  const uint64_t key =
      reinterpret_cast<uint64_t>(return_address) * 0x9e3779b97f4a7c15 + reinterpret_cast<uint64_t>(frame);
  return account.paths[(key * 0xff51afd7ed558ccd) >> 50];
}
static_assert(kPaths == 1u << (64 - 50));

// Counts a block of the call path.
[[nodiscard]] bool is_among_first(uint8_t& blocks) {
  const uint8_t count = __atomic_load_n(&blocks, __ATOMIC_RELAXED);
  if (count >= kFirstBlocks) return false;
  __atomic_store_n(&blocks, static_cast<uint8_t>(count + 1), __ATOMIC_RELAXED);
  return true;
}

}  // namespace

void start_governor(uint32_t budget_permille) {
  account.permille = budget_permille;
  account.credit_ns = kInitialCreditNs;
  account.seen_cpu_ns = process_cpu_ns();
}

void restart_governor() {
  account.seen_cpu_ns = process_cpu_ns();
  account.looking = 0;
}

Admission admit_block(const void* return_address, const void* frame) {
  if (is_unlimited()) return Admission::kAtOnce;
  const uint32_t level = __atomic_load_n(&account.level, __ATOMIC_RELAXED);
  if (level != kLevelNone && is_among_first(blocks_of_path(return_address, frame))) return Admission::kAtOnce;
  if (level < kLevelFirstOnly) return level == kLevelAll ? Admission::kAtOnce : Admission::kInBatch;
  if (counts_for_look()) look();
  return Admission::kRefused;
}

bool affords_common_blocks() {
  if (__atomic_load_n(&account.level, __ATOMIC_RELAXED) < kLevelFirstOnly) return true;
  if (counts_for_look()) look();
  return false;
}

void charge(uint64_t ticks, uint64_t pages, bool revoked) {
  const uint64_t touched = (pages < kMostCachedPages ? pages : kMostCachedPages) * kTicksPerPage;
  const uint64_t hidden = (pages == 0 ? kTicksPerSmallBlock : touched) + (revoked ? kTicksPerRevocation : 0);
  const uint64_t cost = (ticks < kMostTicks ? ticks : kMostTicks) + hidden;
  const uint64_t spent = __atomic_add_fetch(&account.spent, cost, __ATOMIC_RELAXED);
  if (spent - __atomic_load_n(&account.seen_spent, __ATOMIC_RELAXED) >= kLookTicks) look();
}

}  // namespace segwhy::runtime::heap
