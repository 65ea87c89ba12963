// From an address to the block that it belongs to, by the geometry of the slots (evidence/wire/blocks.h), which is
// proof, not a guess: every address of a region lies in one slot, and a slot holds one block at a time.
//
// Pure functions of an area; nothing in it is trusted.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evidence/wire/blocks.h"
#include "history/area.h"

namespace segwhy::history {

enum class Place : std::uint8_t {
  kInside,  // of the block's own bytes
  kSlack,   // on the pages that the block has to itself, outside of its bytes
  kGuard,   // on the guard behind a slot: behind its block, and before the block of the next slot
};

struct FoundBlock {
  wire::BlockRecord record{};
  Place place = Place::kInside;
  // No other block can be meant. False in the guard between two blocks that are about as far away.
  bool sole_owner = false;
  std::uint64_t slot_begin = 0, slot_end = 0;
};

// nullopt when the address is in no region, or in a slot that no block has been in and that follows none.
[[nodiscard]] std::optional<FoundBlock> find_block(const Area& area, std::uint64_t address);

// Whether `record` describes a block that was there, inside [slot_begin, slot_end).
[[nodiscard]] bool is_block(const wire::BlockRecord& record, std::uint64_t slot_begin, std::uint64_t slot_end);

// Blocks that were in the slot of `block` before it, latest first, at most `max`.
[[nodiscard]] std::vector<wire::PastLife> former_blocks(const Area& area, const FoundBlock& block, std::size_t max);

}  // namespace segwhy::history
