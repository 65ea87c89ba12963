#include "runtime/heap/guarded.h"

#include "runtime/heap/canary.h"
#include "runtime/heap/ledger.h"
#include "runtime/heap/places.h"
#include "runtime/heap/recorder.h"

namespace segwhy::runtime::heap {
namespace {

[[nodiscard]] uint64_t canary_key() {
  const wire::AreaHeader* const area = recorder::area();
  return area != nullptr ? area->canary_key : 0;
}

// The bytes that are nobody's, on both sides of a block.
struct Slack {
  uintptr_t before, begin, end, after;
};

[[nodiscard]] Slack slack_of(SlotRef ref, const Slot& slot) {
  const uintptr_t first = pages_begin(ref, slot.pages);
  const uintptr_t room = slot.address - first;
  return {slot.address - (room < kCanaryBefore ? room : kCanaryBefore), slot.address, slot.address + slot.size,
          slot_data_end(ref)};
}

}  // namespace

void plant_canaries(SlotRef ref, const Slot& slot) {
  const Slack slack = slack_of(ref, slot);
  fill_canary(canary_key(), slack.before, slack.begin);
  fill_canary(canary_key(), slack.end, slack.after);
}

void check_canaries(SlotRef ref, const Slot& slot, uint32_t stack) {
  const Slack slack = slack_of(ref, slot);
  const uint64_t key = canary_key();
  const wire::BlockRecord* const block = block_record(slot_index(ref));
  const uintptr_t before = check_canary(key, slack.before, slack.begin);
  if (before != slack.begin) report_overwritten({block, wire::kFindingWriteBefore, stack, before, slack.begin});
  const uintptr_t after = check_canary(key, slack.end, slack.after);
  if (after != slack.after) report_overwritten({block, wire::kFindingWriteBehind, stack, after, slack.after});
}

}  // namespace segwhy::runtime::heap
