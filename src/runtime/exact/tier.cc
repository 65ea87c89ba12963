#include "runtime/exact/tier.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/exact/objects.h"
#include "runtime/heap/ledger.h"
#include "runtime/trace/stacks.h"

namespace segwhy::runtime::exact {

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
  heap::report_wrong({kind, nullptr, stack, reinterpret_cast<uintptr_t>(block), 0, nullptr, nullptr, 0, 0});
  abort();
}

}  // namespace segwhy::runtime::exact
