// Interned stacks: who allocated, freed or touched a block. One StackSection lies in each process's shared area.
//
// The process appends; the monitor reads, maybe after the process is gone. Nothing is ever changed or removed once
// published: a record is complete before a slot of an index names it. The reader must treat all of it as hostile (a
// broken program may have scribbled over it): every index, count and size is checked against the section.
//
// A stack id is the position of its StackRecord in `words`; 0 means unknown. Ids hold in the section they came from
// only: a forked child starts a section of its own, and the blocks it inherited keep their ids in its parent's.
//
// Zero bytes are a valid, empty section. Changing any layout means a new kVersion of the session.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace segwhy::wire {

inline constexpr uint32_t kStackWords = 2u << 20;      // 16 MiB of address space, touched as it fills
inline constexpr uint32_t kStackSlots = 1u << 16;      // of stacks; at most three quarters are used
inline constexpr uint32_t kCodeSlots = 1u << 15;       // of Python code objects; the same
inline constexpr uint32_t kMaxNativeFrames = 32;       // innermost; frames beyond are left out
inline constexpr uint32_t kMaxPythonFrames = 32;       // the same
inline constexpr uint32_t kMaxLineTable = 256 * 1024;  // a longer one is left out
inline constexpr uint32_t kMaxNameBytes = 4096;        // of a file or function name; longer ones are cut

// A slot of an index: the position of a record in `words` below, part of its hash above. 0: free. Slots are probed
// linearly from hash % slots; the process alone needs them.
using IndexSlot = uint64_t;  // atomic

enum StackFlag : uint16_t {
  kStackExactPc = 1,          // the first native frame is the instruction being executed, not a return address
  kStackNativeCut = 2,        // there are more native frames than were followed
  kStackPythonCut = 4,        // there are more Python frames
  kStackPythonUnreadable = 8  // the chain of Python frames did not make sense where it ends here
};

// Followed by `native` code addresses of 8 bytes, innermost first, and `python` PythonFrameRecords, the same.
struct StackRecord {
  uint64_t hash;
  uint16_t native;
  uint16_t python;
  uint16_t flags;  // StackFlag
  uint16_t reserved;
};
static_assert(sizeof(StackRecord) == 16);

struct PythonFrameRecord {
  uint32_t code;        // position of its CodeRecord in `words`, 0: not known
  int32_t instruction;  // byte offset in the bytecode; negative before the first
};
static_assert(sizeof(PythonFrameRecord) == 8);

// A Python code object as it was when a frame of it was first seen. Followed by the file name, the function's name
// (co_qualname from 3.11, else co_name) and the line table, each padded to 8 bytes. Names are as CPython stores them:
// `*_kind` is the width of a code point in bytes, 1 (Latin-1), 2 or 4.
struct CodeRecord {
  uint64_t hash;
  uint64_t address;  // of the code object
  int32_t first_line;
  uint32_t file_bytes;
  uint32_t name_bytes;
  uint32_t line_table_bytes;
  uint8_t file_kind, name_kind;
  uint8_t reserved[6];
};
static_assert(sizeof(CodeRecord) == 40);

struct StackSection {
  uint32_t python_minor;  // of CPython 3.minor, whose line tables these are; 0: no Python found
  uint32_t reserved;
  uint64_t used;           // atomic; words of `words` taken; position 0 is never used
  uint32_t stacks, codes;  // atomic; records published
  uint64_t lost;           // atomic; stacks that found no room
  IndexSlot stack_slots[kStackSlots];
  IndexSlot code_slots[kCodeSlots];
  uint64_t words[kStackWords];
};
static_assert(offsetof(StackSection, stack_slots) == 32);

}  // namespace segwhy::wire
