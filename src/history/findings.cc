#include "history/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "evidence/model/heap.h"
#include "evidence/wire/accesses.h"

namespace segwhy::history {
namespace {

constexpr std::size_t kMaxShown = 16;

std::string_view kind_name(std::uint32_t kind) {
  switch (kind) {
    case wire::kFindingWriteBehind:
      return kFindingWriteBehind;
    case wire::kFindingWriteBefore:
      return kFindingWriteBefore;
    case wire::kFindingWriteAfterFree:
      return kFindingWriteAfterFree;
    case wire::kFindingDoubleFree:
      return kFindingDoubleFree;
    case wire::kFindingInvalidFree:
      return kFindingInvalidFree;
    case wire::kFindingMismatchedFree:
      return kFindingMismatchedFree;
    case wire::kFindingCallRead:
    case wire::kFindingCallWrite:
      return kFindingOutOfBounds;
    default:
      return {};
  }
}

bool is_by_call(std::uint32_t kind) {
  return kind == wire::kFindingCallRead || kind == wire::kFindingCallWrite;
}

bool is_late(std::uint32_t kind) {
  return kind == wire::kFindingWriteBehind || kind == wire::kFindingWriteBefore || kind == wire::kFindingWriteAfterFree;
}

std::string hexadecimal(const std::uint8_t* bytes, std::uint32_t count) {
  std::string text;
  for (std::uint32_t i = 0; i < std::min(count, wire::kFindingBytes); ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

bool has_block(const wire::BlockRecord& record) {
  return record.state != wire::kBlockNever && record.state <= wire::kBlockQuarantined && record.address != 0;
}

// The block of a finding is named by its record; where its memory is no longer its own (it was freed twice, or the
// pointer lies inside it), by the pointer.
void add_block(Reader& reader, const wire::BlockRecord& record, std::uint64_t address, std::int64_t offset,
               MemoryFinding& into) {
  if (has_block(record)) return reader.describe(record, offset, into.block.emplace());
  const auto found = reader.find(address);
  if (!found) return;
  into.offset = static_cast<std::int64_t>(address - found->record.address);
  reader.describe(*found, into.offset, into.block.emplace());
}

void read_call_finding(Reader& reader, const wire::Finding& found, MemoryFinding& into) {
  into.access = found.kind == wire::kFindingCallWrite ? "write" : "read";
  if (found.repeats != 0) into.repeats = found.repeats;
  add_block(reader, found.block, found.address, found.offset, into);
  if (!into.block) return;
  // Whether another block may have been meant is a matter of where the address lies.
  const auto place = reader.find(found.address);
  if (place && place->record.address == into.block->address) into.block->sole_owner = place->sole_owner;
  if (into.block->state == "freed") into.kind = kFindingAfterFree;
}

void read_heap_finding(Reader& reader, const wire::Finding& found, MemoryFinding& into) {
  into.kind = kind_name(found.kind);
  into.address = found.address;
  into.offset = found.offset;
  into.late = is_late(found.kind);
  if (into.late) into.access = "write";
  if (found.wrong_bytes != 0) into.wrong_bytes = found.wrong_bytes;
  into.expected = hexadecimal(found.expected, found.byte_count);
  into.seen = hexadecimal(found.seen, found.byte_count);
  into.found_age_s = reader.age(found.found_ticks);
  if (into.late) into.last_good_age_s = reader.age(found.last_good_ticks);
  if (is_by_call(found.kind)) {
    read_call_finding(reader, found, into);
  } else {
    add_block(reader, found.block, found.address, found.offset, into);
  }
  reader.describe({found.stack, found.tid, found.found_ticks, found.pc}, into.found);
}

const char* access_name(std::uint32_t flags) {
  return (flags & wire::kAccessWrite) != 0 ? "write" : "read";
}

constexpr std::uint32_t kWrongAccess = wire::kAccessOutOfBounds | wire::kAccessAfterFree;

const char* access_kind(std::uint32_t flags) {
  if ((flags & wire::kAccessAfterFree) != 0) return kFindingAfterFree;
  return (flags & wire::kAccessOutOfBounds) != 0 ? kFindingOutOfBounds : kFindingUnwritten;
}

void read_access_finding(Reader& reader, const wire::AccessFinding& found, MemoryFinding& into) {
  const wire::Access& access = found.access;
  into.kind = access_kind(access.flags);
  into.offset = access.offset;
  into.address = found.block.address + static_cast<std::uint64_t>(access.offset);
  into.access = access_name(access.flags);
  into.wrong_bytes = access.width;
  if (found.repeats != 0) into.repeats = found.repeats;
  into.found_age_s = reader.age(access.ticks);
  add_block(reader, found.block, into.address, access.offset, into);
  reader.describe({access.stack, access.tid, access.ticks, access.pc}, into.found);
}

std::vector<wire::AccessFinding> access_findings(const Area& area, std::optional<std::uint32_t> first) {
  std::vector<wire::AccessFinding> all;
  const auto count = area.at<std::uint32_t>(wire::kSectionAccesses, offsetof(wire::AccessTable, finding_count));
  for (std::uint32_t i = 0; i < std::min(count.value_or(0), wire::kMaxAccessFindings); ++i) {
    const auto found = area.at<wire::AccessFinding>(
        wire::kSectionAccesses, offsetof(wire::AccessTable, findings) + i * sizeof(wire::AccessFinding));
    if (!found || found->complete != 1 || (found->access.flags & (kWrongAccess | wire::kAccessUnwritten)) == 0)
      continue;
    all.push_back(*found);
    if (first == i) std::rotate(all.begin(), all.end() - 1, all.end());
  }
  // What is wrong for certain comes first, unless the process waits with the other.
  const auto others = all.begin() + (first && !all.empty() ? 1 : 0);
  std::stable_partition(others, all.end(),
                        [](const wire::AccessFinding& f) { return (f.access.flags & kWrongAccess) != 0; });
  all.resize(std::min(all.size(), kMaxShown));
  return all;
}

std::vector<wire::Finding> heap_findings(const Area& area) {
  std::vector<wire::Finding> all;
  const auto count = area.at<std::uint32_t>(wire::kSectionFindings, offsetof(wire::Findings, count));
  for (std::uint32_t i = 0; i < std::min(count.value_or(0), wire::kMaxFindings) && all.size() < kMaxShown; ++i) {
    const auto found =
        area.at<wire::Finding>(wire::kSectionFindings, offsetof(wire::Findings, entries) + i * sizeof(wire::Finding));
    if (found && found->complete == 1 && !kind_name(found->kind).empty()) all.push_back(*found);
  }
  return all;
}

// The watched block that begins at `address`: the one that lives, else the last one.
std::optional<wire::WatchedBlock> watched_block(const Area& area, std::uint64_t address) {
  const auto count = area.at<std::uint32_t>(wire::kSectionAccesses, offsetof(wire::AccessTable, block_count));
  std::optional<wire::WatchedBlock> best;
  for (std::uint64_t i = 0; i < count.value_or(0); ++i) {
    const auto block =
        area.at<wire::WatchedBlock>(wire::kSectionAccesses, sizeof(wire::AccessTable) + i * sizeof(wire::WatchedBlock));
    if (!block) break;
    if (block->block.address != address || !has_block(block->block)) continue;
    if (!best || block->block.allocated_ticks > best->block.allocated_ticks) best = block;
  }
  return best;
}

}  // namespace

std::uint64_t count_findings(const Area& area) {
  const auto heap = area.at<std::uint32_t>(wire::kSectionFindings, offsetof(wire::Findings, count));
  const auto accesses = area.at<std::uint32_t>(wire::kSectionAccesses, offsetof(wire::AccessTable, finding_count));
  return std::uint64_t{heap.value_or(0)} + accesses.value_or(0);
}

std::vector<MemoryFinding> read_findings(Reader& reader, std::optional<std::uint32_t> first) {
  const std::vector<wire::AccessFinding> accesses = access_findings(reader.area(), first);
  const std::vector<wire::Finding> heap = heap_findings(reader.area());
  std::vector<MemoryFinding> all;
  all.resize(accesses.size() + heap.size());
  auto next = all.begin();
  for (const wire::AccessFinding& found : accesses) read_access_finding(reader, found, *next++);
  for (const wire::Finding& found : heap) read_heap_finding(reader, found, *next++);
  return all;
}

std::vector<BlockAccess> read_accesses(Reader& reader, std::uint64_t address) {
  const auto block = watched_block(reader.area(), address);
  if (!block) return {};
  std::vector<wire::Access> log;
  for (const wire::Access& access : block->log)
    if ((access.flags & (wire::kAccessRead | wire::kAccessWrite)) != 0) log.push_back(access);
  std::sort(log.begin(), log.end(), [](const wire::Access& a, const wire::Access& b) { return a.ticks > b.ticks; });
  std::vector<BlockAccess> out;
  out.resize(log.size());
  for (std::size_t i = 0; i < log.size(); ++i) {
    out[i].access = access_name(log[i].flags);
    out[i].offset = log[i].offset;
    out[i].width = log[i].width;
    out[i].wrong = (log[i].flags & kWrongAccess) != 0;
    reader.describe({log[i].stack, log[i].tid, log[i].ticks, log[i].pc}, out[i].by);
  }
  return out;
}

std::string exact_state(const Area& area) {
  const auto refusal = area.at<std::uint32_t>(wire::kSectionAccesses, offsetof(wire::AccessTable, refusal));
  if (!refusal) return {};
  switch (*refusal) {
    case wire::kExactRunning:
      return "running";
    case wire::kExactNoDecoder:
      return "this build of Segwhy has no instruction decoder";
    case wire::kExactNoMemory:
      return "too little memory or address space";
    case wire::kExactNoExecutable:
      return "the kernel refuses executable memory";
    case wire::kExactGaveUp:
      return "it gave up: too many memory mappings";
    default:
      return {};
  }
}

}  // namespace segwhy::history
