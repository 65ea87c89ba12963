#include "capture/core_mappings.h"

#include <algorithm>

namespace segwhy {
namespace {

void name_mapping_at(std::vector<Mapping>& mappings, std::optional<std::uint64_t> address, const char* name) {
  if (!address) return;
  const auto it = std::find_if(mappings.begin(), mappings.end(),
                               [&](const Mapping& m) { return m.contains(TargetAddr(*address)); });
  if (it != mappings.end() && it->path.empty()) it->path = name;
}

void take_file(Mapping& mapping, const CoreFileMapping& file) {
  mapping.path = file.path;
  mapping.file_offset = file.file_offset + (mapping.start.value() - file.start);
  constexpr std::string_view kDeleted = " (deleted)";
  if (mapping.path.ends_with(kDeleted)) {
    mapping.deleted = true;
    mapping.path.resize(mapping.path.size() - kDeleted.size());
  }
}

bool starts_lower(const Mapping& a, const Mapping& b) {
  return a.start < b.start;
}

}  // namespace

std::vector<Mapping> core_mappings(const std::vector<Elf64_Phdr>& segments, const CoreNotes& notes) {
  std::vector<Mapping> out;
  for (const Elf64_Phdr& segment : segments) {
    const bool empty = segment.p_memsz == 0 || segment.p_vaddr > UINT64_MAX - segment.p_memsz;
    if (segment.p_type != PT_LOAD || empty) continue;
    Mapping mapping;
    mapping.start = TargetAddr(segment.p_vaddr);
    mapping.end = mapping.start + segment.p_memsz;
    mapping.readable = (segment.p_flags & PF_R) != 0;
    mapping.writable = (segment.p_flags & PF_W) != 0;
    mapping.executable = (segment.p_flags & PF_X) != 0;
    out.push_back(std::move(mapping));
  }
  std::sort(out.begin(), out.end(), starts_lower);
  std::vector<Mapping> without_segment;
  for (const CoreFileMapping& file : notes.files) {
    if (file.start >= file.end) continue;
    // One file entry may span several segments: tools that write cores merge or split them differently.
    auto it = std::lower_bound(out.begin(), out.end(), TargetAddr(file.start),
                               [](const Mapping& m, TargetAddr a) { return m.start < a; });
    const bool found = it != out.end() && it->start < TargetAddr(file.end);
    for (; it != out.end() && it->start < TargetAddr(file.end); ++it) take_file(*it, file);
    if (found) continue;
    Mapping& mapping = without_segment.emplace_back();
    mapping.start = TargetAddr(file.start);
    mapping.end = TargetAddr(file.end);
    mapping.readable = true;
    take_file(mapping, file);
  }
  out.insert(out.end(), without_segment.begin(), without_segment.end());
  std::sort(out.begin(), out.end(), starts_lower);
  name_mapping_at(out, auxv_value(notes.auxv, AT_RANDOM), "[stack]");  // 16 bytes the kernel puts on the main stack
  name_mapping_at(out, auxv_value(notes.auxv, AT_SYSINFO_EHDR), "[vdso]");
  return out;
}

std::optional<std::uint64_t> auxv_value(const std::vector<std::uint64_t>& auxv, std::uint64_t type) {
  for (std::size_t i = 0; i + 1 < auxv.size(); i += 2) {
    if (auxv[i] == type) return auxv[i + 1];
  }
  return std::nullopt;
}

}  // namespace segwhy
