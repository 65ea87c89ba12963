#include "dwarf/mapped_object.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace segwhy {
namespace {

constexpr char kVdso[] = "[vdso]";

bool may_begin_object(const Mapping& m) {
  const bool named = !m.path.empty() && (m.path.front() != '[' || m.path == kVdso);
  return named && m.file_offset == 0 && m.readable;
}

bool has_elf_magic(MemoryReader& memory, TargetAddr at) {
  std::array<std::byte, SELFMAG> magic;
  return memory.read_exact(at, magic) && std::memcmp(magic.data(), ELFMAG, SELFMAG) == 0;
}

// The mappings [first, result) belong to the object that begins at `first`: the same file at rising offsets, with the
// anonymous memory (.bss, gaps between segments) that lies among them.
std::size_t end_of_object(const std::vector<Mapping>& mappings, std::size_t first) {
  std::size_t end = first + 1;
  for (std::size_t i = first + 1; i < mappings.size(); ++i) {
    const Mapping& m = mappings[i];
    if (m.path.empty()) continue;
    if (m.path != mappings[first].path || m.inode != mappings[first].inode || m.file_offset == 0) break;
    end = i + 1;
  }
  return end;
}

}  // namespace

std::vector<MappedObject> mapped_objects(const Snapshot& snapshot) {
  std::vector<MappedObject> objects;
  const std::vector<Mapping>& mappings = snapshot.mappings;
  for (std::size_t i = 0; i < mappings.size();) {
    const Mapping& first = mappings[i];
    if (!may_begin_object(first)) {
      ++i;
      continue;
    }
    const std::size_t end = end_of_object(mappings, i);
    const bool runs =
        std::any_of(&mappings[i], &mappings[i] + (end - i), [](const Mapping& m) { return m.executable; });
    if (runs && has_elf_magic(*snapshot.memory, first.start)) {
      objects.push_back({first.path, first.start, mappings[end - 1].end, first.deleted});
    }
    i = end;
  }
  return objects;
}

std::size_t object_of(const std::vector<MappedObject>& objects, TargetAddr address) {
  const auto after = std::upper_bound(objects.begin(), objects.end(), address,
                                      [](TargetAddr a, const MappedObject& o) { return a < o.start; });
  if (after == objects.begin() || !std::prev(after)->contains(address)) return objects.size();
  return static_cast<std::size_t>(std::prev(after) - objects.begin());
}

}  // namespace segwhy
