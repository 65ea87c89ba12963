// What one mapped ELF object is: identity, dependencies, owner. Markers (module_markers.h) are apart: they read more.
#pragma once

#include "dwarf/elf_image.h"
#include "evidence/model/case.h"
#include "symbols/packages.h"

namespace segwhy {

// `image` may be null (unreadable file): then only what the mapping tells.
[[nodiscard]] Module describe_module(const MappedObject& object, const ElfImage* image, PackageIndex& packages);

}  // namespace segwhy
