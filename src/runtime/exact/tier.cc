#include "runtime/exact/tier.h"

#include <string.h>

#include "runtime/exact/blocks.h"
#include "runtime/exact/objects.h"
#include "runtime/heap/wrong_free.h"
#include "runtime/trace/stacks.h"

namespace segwhy::runtime::exact {
namespace {

// Of the block that `pointer` lies in, or nearest to; null: none is known there.
[[nodiscard]] const wire::BlockRecord* record_near(const void* pointer) {
  const uint32_t block = nearest_block(reinterpret_cast<uintptr_t>(pointer));
  const wire::WatchedBlock* const known = block == kNoBlock ? nullptr : published(block);
  return known == nullptr ? nullptr : &known->block;
}

}  // namespace

void* allocate_watched(const heap::Request& request, const heap::Caller& caller) {
  if (!is_running()) return nullptr;
  if (request.alignment >= 32) begin_with_objects();
  const uint32_t stack = trace::intern_stack(caller.return_address, caller.frame);
  void* const block = allocate(request.size, request.alignment, stack);
  if (block != nullptr && request.zero) memset(direct(block), 0, request.size);
  return block;
}

void release_watched(void* block, const heap::Caller& caller) {
  const uint32_t stack = trace::intern_stack(caller.return_address, caller.frame);
  const Release result = release(block, stack);
  if (result == Release::kReleased) return;
  const wire::FindingKind kind = result == Release::kDouble ? wire::kFindingDoubleFree : wire::kFindingInvalidFree;
  heap::die_of_wrong_free({kind, record_near(block), stack, reinterpret_cast<uintptr_t>(block)});
}

}  // namespace segwhy::runtime::exact
