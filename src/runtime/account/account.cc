#include "runtime/account/account.h"

#include <string.h>

#include "runtime/account/block_table.h"
#include "runtime/account/sampling.h"
#include "runtime/account/site_table.h"
#include "runtime/crash/process.h"
#include "runtime/heap/recorder.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/fork_word.h"
#include "runtime/pal/private_table.h"
#include "runtime/pal/ticks.h"
#include "runtime/trace/stacks.h"

namespace segwhy::runtime::account {

namespace internal {
thread_local constinit int64_t left = 0;
size_t exact_from;
uint8_t* filter;
}  // namespace internal

namespace {

using internal::left;

constexpr uint8_t kStuck = 255;

BlockTable blocks;
SiteIndex sites;
uint64_t mean;           // bytes between two samples
const uint32_t* active;  // leads to 1 in a process that may write to its area
uint32_t* own_word;

// Of all threads: two that draw at once may draw the same number, which does no harm.
uint64_t random_state;

[[nodiscard]] bool is_active() {
  return active != nullptr && *active != 0;
}

void draw_interval() {
  if (!is_active()) {
    left = INT64_MAX;
    return;
  }
  uint64_t state = pal::load(random_state);
  if (state == 0) {
    // The first numbers of a poor seed are poor.
    constexpr int kPoorNumbers = 8;
    state = pal::ticks() | 1;
    for (int i = 0; i < kPoorNumbers; ++i) state = next_random(state);
  }
  state = next_random(state);
  pal::store(random_state, state);
  left = next_interval(state, mean);
}

void add_to_filter(const void* block) {
  uint8_t& count = internal::filter[internal::filter_place(block)];
  for (uint8_t seen = pal::load(count); seen != kStuck; seen = pal::load(count)) {
    if (pal::compare_exchange(count, seen, static_cast<uint8_t>(seen + 1))) return;
  }
}

void remove_from_filter(const void* block) {
  uint8_t& count = internal::filter[internal::filter_place(block)];
  for (uint8_t seen = pal::load(count); seen != kStuck && seen != 0; seen = pal::load(count)) {
    if (pal::compare_exchange(count, seen, static_cast<uint8_t>(seen - 1))) return;
  }
}

void subtract(const Entry& entry) {
  wire::SiteRecord* const site = sites.at(entry.site);
  if (site == nullptr) return;
  pal::fetch_add(site->live_bytes, uint64_t{0} - entry.bytes);
  pal::fetch_add(site->live_blocks, uint64_t{0} - entry.blocks);
}

// True when the block is known from now on.
bool remember(const void* block, const Entry& entry) {
  Entry replaced{};
  const bool kept = blocks.insert(reinterpret_cast<uintptr_t>(block), entry, replaced);
  if (replaced.bytes != 0) {
    remove_from_filter(block);
    subtract(replaced);
  }
  if (kept) add_to_filter(block);
  return kept;
}

void count(const void* block, size_t size, const Entry& weight, const heap::Caller& caller, bool mapping) {
  const uint32_t stack = trace::intern_stack(caller.return_address, caller.frame);
  Entry entry = weight;
  entry.site = sites.find_or_add(stack);
  wire::SiteRecord* const site = sites.at(entry.site);
  if (site == nullptr) return;
  if (!remember(block, entry)) return sites.count_lost();
  pal::fetch_add(site->live_bytes, entry.bytes);
  pal::fetch_add(site->live_blocks, uint64_t{entry.blocks});
  pal::fetch_add(site->total_bytes, entry.bytes);
  pal::fetch_add(site->total_blocks, uint64_t{entry.blocks});
  if (size > pal::load(site->largest)) pal::store(site->largest, size);
  if (mapping) pal::fetch_add(site->mappings, 1u);
  if (size < mean) return;
  pal::store(site->latest_size, size);
  pal::store(site->latest_ticks, pal::ticks());
}

// How much a block that is selected stands for.
[[nodiscard]] Entry weight(size_t size) {
  if (size >= mean) return {size, 1, 0};
  const uint64_t bytes = weight_of(size != 0 ? size : 1, mean);
  const uint64_t number = bytes / (size != 0 ? size : 1);
  return {bytes, static_cast<uint32_t>(number < UINT32_MAX ? number : UINT32_MAX), 0};
}

}  // namespace

void start() {
  const wire::Session* const memory = session();
  if (memory == nullptr || memory->account_bytes == 0 || recorder::area() == nullptr) return;
  own_word = pal::make_fork_cleared_word();
  auto* const filter = static_cast<uint8_t*>(pal::map_private_table(internal::kFilterBytes));
  if (own_word == nullptr || filter == nullptr || !blocks.prepare() || !sites.prepare()) return;
  if (!sites.begin(memory->account_bytes)) return;
  mean = memory->account_bytes;
  active = own_word;
  pal::store(*own_word, 1u);
  internal::exact_from = mean;
  draw_interval();
  internal::filter = filter;
}

void after_fork_in_child() {
  if (active == nullptr) return;
  blocks.clear();
  memset(internal::filter, 0, internal::kFilterBytes);
  if (recorder::area() != nullptr && sites.begin(mean)) pal::store(*own_word, 1u);
}

void note(void* block, size_t size, const heap::Caller& caller) {
  const bool exact = size >= internal::exact_from;
  if (!exact && left >= 0) return;
  draw_interval();  // the distribution has no memory: also after a large block, whose size may have made it anything
  if (!is_active()) return;
  if (block == nullptr) return sites.note_refused(size, trace::intern_stack(caller.return_address, caller.frame));
  count(block, size, weight(size), caller, false);
}

void note_mapping(void* address, size_t size, const heap::Caller& caller) {
  if (is_active()) count(address, size, {size, 1, 0}, caller, true);
}

bool take(const void* block, Entry& out) {
  if (!is_active() || !blocks.remove(reinterpret_cast<uintptr_t>(block), out)) return false;
  remove_from_filter(block);
  subtract(out);
  return true;
}

void put_back(const void* block, const Entry& entry) {
  wire::SiteRecord* const site = sites.at(entry.site);
  if (site == nullptr || !remember(block, entry)) return;
  pal::fetch_add(site->live_bytes, entry.bytes);
  pal::fetch_add(site->live_blocks, uint64_t{entry.blocks});
}

}  // namespace segwhy::runtime::account
