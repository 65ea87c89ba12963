// Separate debug information of an object: found by build-id or by its debug link, among local files only. Looking for
// it costs a few stat calls; nothing is ever downloaded.
#pragma once

#include <optional>
#include <string>

#include "dwarf/elf_image.h"

namespace segwhy {

// `root` is the target's file system, as in Snapshot::root.
[[nodiscard]] std::optional<ElfImage> open_debug_file(const ElfImage& object, const std::string& root);

}  // namespace segwhy
