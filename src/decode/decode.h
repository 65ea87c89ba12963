// The instruction at a pc: what it reads and writes, with the values its operands had; and the fault it explains.
#pragma once

#include <optional>

#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

// Decodes the instruction at the thread's pc from target memory. nullopt when the bytes are unreadable or no
// instruction.
[[nodiscard]] std::optional<Instruction> decode_instruction(const Snapshot& snapshot, const ThreadSnapshot& thread);

// The fault of the snapshot's signal on its crashed thread: address (recovered from the operands when the kernel gives
// none: si_code SI_KERNEL, non-canonical), direction, width, neighbouring mappings, stack distances. nullopt when the
// signal is not a synchronous fault. Fills instruction too. Files are not opened: MappingInfo::file_size, filesystem
// and section stay absent (assemble/ adds them).
[[nodiscard]] std::optional<Fault> describe_fault(const Snapshot& snapshot);

}  // namespace segwhy
