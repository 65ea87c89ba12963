// The ELF objects mapped into a snapshot's process: program, shared libraries, vDSO.
//
// Pure functions over Snapshot::mappings plus a few bytes of target memory per object. An object is a run of mappings
// of one file that begins at file offset 0 with an ELF header and has an executable part; a file that is only read
// through mmap is none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "evidence/model/snapshot.h"

namespace segwhy {

struct MappedObject {
  std::string path;       // as in Mapping; "[vdso]" for the kernel's
  TargetAddr start, end;  // from its first to its last mapping; `start` maps file offset 0
  bool deleted = false;

  [[nodiscard]] bool contains(TargetAddr a) const { return start <= a && a < end; }
};

// Ascending by address, not overlapping.
[[nodiscard]] std::vector<MappedObject> mapped_objects(const Snapshot& snapshot);

// Index of the object that contains `address`, or objects.size(). `objects` as mapped_objects returns it.
[[nodiscard]] std::size_t object_of(const std::vector<MappedObject>& objects, TargetAddr address);

}  // namespace segwhy
