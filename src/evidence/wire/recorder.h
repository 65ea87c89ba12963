// The flight recorder: what a process keeps of its heap (blocks, stacks, findings) where it outlives the process.
//
// It lies in the session's memfd behind wire::Session, one area per ProcessRecord:
//
//   [Session, padded to a page][area 0][area 1]..[area kMaxProcesses - 1]        area i at area_offset(i)
//
// kAreaBytes each, sparse: what nobody touches costs nothing. The area of record i belongs to the process that holds
// record i. That process maps its own area only, perhaps a leading part of it; the monitor reads with pread, at any
// time, also after the process has died of SIGKILL. It must not trust a byte: a broken program may have scribbled
// over its area. When the file could not be made so large, Session::areas_offset is 0 and nothing is protected.
//
// A forked child claims an area of its own and copies nothing: `parent` says whose area tells of the blocks and stacks
// from before the fork. The monitor keeps an area until its process is gone and nobody who lives refers to it.
//
// An area holds sections, each a table of one owner (AreaSection), found by offset and size in the header. Ticks are
// the CPU's time-stamp counter; `clock` relates two moments of it to CLOCK_MONOTONIC.
//
// Zero bytes are the valid initial state. Changing a layout means a new kRecorderVersion.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "evidence/wire/session.h"

namespace segwhy::wire {

inline constexpr uint64_t kAreaMagic = 0x0061657261677301;  // "\1sgarea\0"
inline constexpr uint32_t kRecorderVersion = 2;

inline constexpr uint64_t kAreaBytes = uint64_t{64} << 20;
inline constexpr uint64_t kAreasOffset = (sizeof(Session) + 4095) & ~uint64_t{4095};
inline constexpr uint64_t kRecorderFileBytes = kAreasOffset + kMaxProcesses * kAreaBytes;

[[nodiscard]] constexpr uint64_t area_offset(uint32_t index) {
  return kAreasOffset + index * kAreaBytes;
}

enum ProtectMode : uint32_t {
  kProtectOff = 0,
  kProtectSampled = 1,
  kProtectTensors = 2,
  kProtectExact = 3,
  kProtectAll = 4,
};

// How freed blocks and guards are made inaccessible, cheapest first.
enum Tactic : uint32_t {
  kTacticNone = 0,
  kTacticMove = 1,     // userfaultfd arena: unpopulated pages trap, a free moves its pages to the next slot
  kTacticRemap = 2,    // mremap of the pages to the next slot (large blocks)
  kTacticProtect = 3,  // mapped and unmapped by mmap and mprotect
  kTacticCanary = 4,   // nothing traps; the slack is checked
  kTacticCount = 5,
};

// Why a block of the protected kind was left to the C library.
enum UnprotectedReason : uint32_t {
  kUnprotectedAlignment = 0,  // page alignment and more: code and scratch of JIT libraries
  kUnprotectedSize = 1,       // larger than the largest slot
  kUnprotectedMemory = 2,     // it would have cost more memory than is allowed
  kUnprotectedSlots = 3,      // no free slot, or no more mappings
  kUnprotectedBudget = 4,     // the governor's choice
  kUnprotectedReentry = 5,    // a signal handler allocated inside the heap
  kUnprotectedEarly = 6,      // before the session was joined
  kUnprotectedLimit = 7,      // after the program limited its own address space
  kUnprotectedReasons = 8,
};

enum AreaSection : uint32_t {
  kSectionBlocks = 0,       // wire/blocks.h: BlockTable
  kSectionPastLives = 1,    // wire/blocks.h: PastLives
  kSectionFindings = 2,     // wire/blocks.h: Findings
  kSectionStacks = 3,       // wire/stacks.h
  kSectionAccesses = 4,     // the log of exact mode
  kSectionSmallBlocks = 5,  // wire/small_blocks.h: SmallTable; --protect all only
  kSectionSites = 6,        // wire/sites.h: SiteTable
  kSectionTraces = 7,       // wire/traces.h: TraceTable
  kSectionCount = 8,
};

struct SectionEntry {
  uint64_t offset;  // from the beginning of the area; 0: absent
  uint64_t size;
};

struct ClockPair {
  uint64_t ticks;
  uint64_t monotonic_ns;
};

// Where the past before a fork is told.
struct ParentLink {
  uint32_t record;      // index+1 of the parent's ProcessRecord, 0: none
  uint32_t generation;  // of that record
  uint64_t fork_ticks;  // the parent's records of later events are not this process's
};

struct GovernorState {
  uint32_t budget_permille;  // of the program's CPU time
  uint32_t level;            // 0: everything is protected; each further level protects less
  uint32_t highest_level;    // reached so far
  uint32_t changes;
  uint64_t spent_ticks;    // in the runtime's heap so far
  uint64_t cpu_ns;         // of the process at the last look
  uint32_t cost_permille;  // over the last window
  uint32_t reserved;
};

struct AreaHeader {
  uint64_t magic;  // atomic; written last: the rest is complete
  uint32_t version;
  uint32_t record;  // index of the ProcessRecord
  uint32_t pid;
  uint32_t generation;  // of the ProcessRecord
  uint64_t area_bytes;  // mapped by the process
  ParentLink parent;
  ClockPair first_clock;
  ClockPair latest_clock;   // refreshed now and then; torn reads are possible
  uint32_t mode_requested;  // ProtectMode
  uint32_t mode;            // in force
  uint32_t tactic_small;    // Tactic of blocks up to 64 pages
  uint32_t tactic_large;
  int32_t refused[kTacticCount + 3];  // errno with which a tactic was refused, by Tactic; 0: not tried or in force
  uint64_t canary_key;
  uint64_t protected_blocks;  // atomic, like all counters below; since the beginning
  uint64_t protected_bytes;
  uint64_t unprotected_blocks[kUnprotectedReasons];
  uint64_t recycled_slots;    // a slot was taken again: history before is in PastLives
  uint64_t horizon_ticks;     // when the slot recycled last had been freed; 0: nothing was recycled yet
  uint64_t lost_revocations;  // freed blocks that could not be made inaccessible
  GovernorState governor;
  SectionEntry sections[kSectionCount];
};
static_assert(offsetof(AreaHeader, sections) % 8 == 0);
static_assert(sizeof(AreaHeader) <= 4096, "the header has the area's first page");

}  // namespace segwhy::wire
