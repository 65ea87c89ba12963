// The mappings of a dead process, from its core file's segments and notes. Pure.
#pragma once

#include <elf.h>

#include <vector>

#include "elf/core_notes.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

// Ascending. Permissions come from the PT_LOAD segments, names from NT_FILE; [stack] and [vdso], which have none, are
// known by the auxiliary vector's pointers into them. Mapped files without a segment count as readable only.
[[nodiscard]] std::vector<Mapping> core_mappings(const std::vector<Elf64_Phdr>& segments, const CoreNotes& notes);

// The value of `type` in an auxiliary vector.
[[nodiscard]] std::optional<std::uint64_t> auxv_value(const std::vector<std::uint64_t>& auxv, std::uint64_t type);

}  // namespace segwhy
