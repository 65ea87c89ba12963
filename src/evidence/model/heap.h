// Whose memory it was: blocks with their history, what was found wrong with them, and what was protected, as a Case
// holds them (case.h says how the fields are listed). Filled by history/ from the heap's flight recorder.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "evidence/model/frames.h"

namespace segwhy {

// An allocation, a free, or an access: who did it, and how long before the capture.
struct BlockEvent {
  std::vector<PythonFrame> python;
  std::vector<NativeFrame> native;
  std::string op;
  std::optional<int> thread;
  std::optional<double> age_s;

  template <class V>
  void fields(V& v) {
    v("python", python), v("native", native), v("op", op), v("thread", thread), v("age_s", age_s);
  }
};

// A block that lay in the same place before.
struct FormerBlock {
  Address address = 0;
  std::optional<std::uint64_t> size;
  std::optional<BlockEvent> allocated, freed;

  template <class V>
  void fields(V& v) {
    v("address", address), v("size", size), v("allocated", allocated), v("freed", freed);
  }
};

// Where an address lies with respect to a block.
inline constexpr char kPlaceInside[] = "inside";
inline constexpr char kPlaceSlack[] = "slack";  // on the block's pages, outside of it: nothing traps there
inline constexpr char kPlaceGuard[] = "guard";  // on the inaccessible pages around it

struct Block {
  Address address = 0;
  std::uint64_t size = 0;
  std::int64_t offset = 0;  // of the fault address from `address`
  std::string kind;         // "tensor", "array", "other"
  std::string state;        // "live", "freed"
  std::string place;        // of the fault address: "inside", "slack" or "guard"
  bool sole_owner = false;  // no other block can be meant: the place belongs to this one's slot alone
  std::optional<std::uint64_t> alignment;
  bool reallocated = false;  // its size was changed by realloc since
  std::optional<BlockEvent> allocated, freed;
  std::vector<FormerBlock> former;  // latest first
  std::vector<std::string> notes;   // facts for the report, one sentence each

  template <class V>
  void fields(V& v) {
    v("address", address), v("size", size), v("offset", offset), v("kind", kind), v("state", state);
    v("place", place), v("sole_owner", sole_owner), v("alignment", alignment), v("reallocated", reallocated);
    v("allocated", allocated), v("freed", freed), v("former", former), v("notes", notes);
  }
};

// What the runtime itself found wrong with a block.
inline constexpr char kFindingWriteBehind[] = "write-behind";          // the bytes behind the block were overwritten
inline constexpr char kFindingWriteBefore[] = "write-before";          // the bytes before it
inline constexpr char kFindingWriteAfterFree[] = "write-after-free";   // a freed block was written to
inline constexpr char kFindingDoubleFree[] = "double-free";            //
inline constexpr char kFindingInvalidFree[] = "invalid-free";          // the pointer is no block's beginning
inline constexpr char kFindingMismatchedFree[] = "mismatched-free";    // new, new[] and malloc mixed up
inline constexpr char kFindingOutOfBounds[] = "access-out-of-bounds";  // an access that exact mode checked
inline constexpr char kFindingAfterFree[] = "access-after-free";       // the same, of a freed block
inline constexpr char kFindingUnwritten[] = "unwritten-read";          // what nothing wrote decides a jump or address

struct MemoryFinding {
  std::string kind;
  Address address = 0;                       // the first wrong byte, or the pointer that was passed to free
  std::int64_t offset = 0;                   // of it from the block's first byte
  std::string access;                        // "read" or "write", of an access
  std::optional<std::uint64_t> wrong_bytes;  // how many bytes are wrong; of an access: how many it touched
  std::string expected, seen;                // the first wrong bytes, in hexadecimal
  std::optional<std::uint64_t> repeats;      // further wrong accesses by the same instruction
  // It was noticed after it had happened: at some time between last_good_age_s and found_age_s.
  bool late = false;
  std::optional<double> found_age_s, last_good_age_s;
  std::optional<Block> block;
  std::optional<BlockEvent> found;  // where it was noticed; of an access: who did it

  template <class V>
  void fields(V& v) {
    v("kind", kind), v("address", address), v("offset", offset), v("access", access), v("wrong_bytes", wrong_bytes);
    v("expected", expected), v("seen", seen), v("repeats", repeats), v("late", late), v("found_age_s", found_age_s);
    v("last_good_age_s", last_good_age_s), v("block", block), v("found", found);
  }
};

// An access to a watched block (exact mode).
struct BlockAccess {
  std::string access;       // "read" or "write"
  std::int64_t offset = 0;  // of the first byte touched, from the block's first byte
  std::uint64_t width = 0;  // bytes
  bool wrong = false;       // out of bounds, or after the free
  BlockEvent by;

  template <class V>
  void fields(V& v) {
    v("access", access), v("offset", offset), v("width", width), v("wrong", wrong), v("by", by);
  }
};

// What was protected, and what was not.
struct ProtectionSummary {
  std::string mode;                                  // in force
  std::string requested;                             // asked for
  std::string tactic;                                // how freed blocks and guards are made inaccessible
  std::uint64_t blocks = 0, bytes = 0;               // that were protected since the start
  std::uint64_t checked = 0;                         // further small blocks that are checked by canaries alone
  std::map<std::string, std::uint64_t> unprotected;  // blocks of the protected kind that were not, by the reason
  std::optional<double> horizon_s;  // a freed block is remembered for this long; absent: since the start
  std::optional<double> slowdown;   // of CPU time by the runtime, as a fraction
  std::uint32_t lowered = 0;        // steps by which protection was lowered to keep the budget
  std::string exact;                // "running", or why exact mode is not; empty: not asked for

  template <class V>
  void fields(V& v) {
    v("mode", mode), v("requested", requested), v("tactic", tactic), v("blocks", blocks), v("bytes", bytes);
    v("checked", checked), v("unprotected", unprotected), v("horizon_s", horizon_s), v("slowdown", slowdown),
        v("lowered", lowered);
    v("exact", exact);
  }
};

}  // namespace segwhy
