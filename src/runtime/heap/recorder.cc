#include "runtime/heap/recorder.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "evidence/wire/blocks.h"
#include "evidence/wire/small_blocks.h"
#include "runtime/crash/process.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/limits.h"
#include "runtime/pal/syscall.h"
#include "runtime/pal/ticks.h"

namespace segwhy::runtime::recorder {
namespace {

using wire::AreaHeader;

constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kLeastAreaBytes = uint64_t{4} << 20;

AreaHeader* mapped;

[[nodiscard]] uint32_t own_index() {
  return static_cast<uint32_t>(process_record() - session()->processes);
}

// All of it, or less where the program's address space is limited: it is the program's.
[[nodiscard]] uint64_t affordable_bytes() {
  const uint64_t limit = pal::soft_limit(RLIMIT_AS);
  if (limit == RLIM_INFINITY) return wire::kAreaBytes;
  constexpr uint64_t kShare = 64;
  uint64_t bytes = wire::kAreaBytes;
  while (bytes > limit / kShare && bytes >= kLeastAreaBytes) bytes /= 2;
  return bytes >= kLeastAreaBytes ? bytes : 0;
}

// Lays the sections out one behind the other; the blocks get what is left.
void lay_out(AreaHeader& area) {
  const uint64_t total = area.area_bytes;
  uint64_t at = kPageBytes;
  const auto place = [&](wire::AreaSection section, uint64_t bytes) {
    area.sections[section] = {at, bytes};
    at += bytes;
  };
  place(wire::kSectionFindings, (sizeof(wire::Findings) + kPageBytes - 1) & ~(kPageBytes - 1));
  place(wire::kSectionPastLives, total / 32);
  place(wire::kSectionAccesses, total / 16);
  place(wire::kSectionStacks, total / 16 * 5);
  if (area.mode_requested == wire::kProtectAll) place(wire::kSectionSmallBlocks, total / 4);
  if (session()->account_bytes != 0) {
    place(wire::kSectionSites, total / 32);
    place(wire::kSectionTraces, total / 64);
  }
  place(wire::kSectionBlocks, total - at);
  const auto table = [&](wire::AreaSection section) {
    return reinterpret_cast<char*>(&area) + area.sections[section].offset;
  };
  auto& lives = *reinterpret_cast<wire::PastLives*>(table(wire::kSectionPastLives));
  lives.capacity = (total / 32 - sizeof(wire::PastLives)) / sizeof(wire::PastLife);
  if (area.mode_requested == wire::kProtectAll) {
    auto& small = *reinterpret_cast<wire::SmallTable*>(table(wire::kSectionSmallBlocks));
    small.bucket_count = (total / 4 - sizeof(wire::SmallTable)) / sizeof(wire::SmallBucket);
  }
  auto& blocks = *reinterpret_cast<wire::BlockTable*>(table(wire::kSectionBlocks));
  blocks.record_count =
      (area.sections[wire::kSectionBlocks].size - sizeof(wire::BlockTable)) / sizeof(wire::BlockRecord);
}

// Makes the mapping at `mapped`, of which the contents are another life's, this process's empty area.
void initialise(uint64_t bytes, const wire::ParentLink& parent) {
  pal::syscall(SYS_madvise, mapped, bytes, MADV_REMOVE);
  pal::syscall(SYS_madvise, mapped, bytes, MADV_DONTDUMP);
  AreaHeader& area = *mapped;
  const wire::ProcessRecord& own = *process_record();
  area.version = wire::kRecorderVersion;
  area.record = own_index();
  area.pid = own.pid;
  area.generation = own.generation;
  area.area_bytes = bytes;
  area.parent = parent;
  area.mode_requested = session()->protect;
  area.mode = wire::kProtectOff;  // until the heap says otherwise
  area.governor.budget_permille = session()->budget_permille;
  area.first_clock = {pal::ticks(), pal::monotonic_ns()};
  area.latest_clock = area.first_clock;
  lay_out(area);
  pal::store(area.magic, wire::kAreaMagic);
}

[[nodiscard]] bool is_wanted() {
  const wire::Session* const memory = session();
  return memory != nullptr && process_record() != nullptr && memory->areas_offset == wire::kAreasOffset &&
         (memory->protect != wire::kProtectOff || memory->account_bytes != 0) && memory->protect <= wire::kProtectAll;
}

}  // namespace

void begin(long fd) {
  if (!is_wanted()) return;
  for (uint64_t bytes = affordable_bytes(); bytes >= kLeastAreaBytes; bytes /= 2) {
    const long address = pal::syscall(SYS_mmap, nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                                      static_cast<int>(fd), wire::area_offset(own_index()));
    if (address < 0) continue;
    mapped = reinterpret_cast<AreaHeader*>(address);
    return initialise(bytes, {});
  }
}

// The descriptor is closed by now. remap_file_pages() maps another part of the same file without one; the parent's
// area goes out of sight in the same step. MAP_NONBLOCK: else the kernel would populate all of it.
void begin_after_fork() {
  if (mapped == nullptr) return;
  const uint64_t bytes = mapped->area_bytes;
  const wire::ParentLink link{mapped->record + 1, mapped->generation, pal::ticks()};
  const bool moved = is_wanted() && pal::syscall(SYS_remap_file_pages, mapped, bytes, 0,
                                                 wire::area_offset(own_index()) / kPageBytes, MAP_NONBLOCK) == 0;
  if (moved) return initialise(bytes, link);
  pal::syscall(SYS_munmap, mapped, bytes);
  mapped = nullptr;
}

AreaHeader* area() {
  return mapped;
}

void* section_bytes(wire::AreaSection section) {
  if (mapped == nullptr || mapped->sections[section].offset == 0) return nullptr;
  return reinterpret_cast<char*>(mapped) + mapped->sections[section].offset;
}

void refresh_clock() {
  if (mapped != nullptr) mapped->latest_clock = {pal::ticks(), pal::monotonic_ns()};
}

}  // namespace segwhy::runtime::recorder
