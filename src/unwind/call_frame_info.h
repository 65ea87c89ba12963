// How to get from a frame to its caller, by the .eh_frame of the mapped objects (libdw), cached per address.
//
// libdwfl would walk whole stacks, but it neither says how a frame was found nor lets a walk mix its steps with others
// (code without CFI is common: assembly kernels, generated code), and it interprets the CFI anew for every frame: a
// runaway recursion of 100,000 frames has a handful of distinct addresses. So the rules come from libdw once per
// address and are applied here.
#pragma once

#include <elfutils/libdw.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "dwarf/elf_image.h"
#include "dwarf/mapped_object.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

// Where one register of the caller is.
struct RegisterRule {
  enum class Kind : std::uint8_t {
    kSame,          // unchanged
    kUndefined,     // lost; for the pc: this is the outermost frame
    kAtCfa,         // in memory at CFA + offset
    kIsCfa,         // equal to CFA + offset
    kRegister,      // in register `offset`
    kAtExpression,  // in memory where `expression` says
    kIsExpression,  // what `expression` computes
  };
  Kind kind = Kind::kSame;
  std::int64_t offset = 0;
  std::vector<Dwarf_Op> expression;
};

struct FrameRule {
  // The canonical frame address: the stack pointer before the call. Register plus offset, unless an expression is
  // given.
  std::uint64_t cfa_register = 0;
  std::int64_t cfa_offset = 0;
  std::vector<Dwarf_Op> cfa_expression;
  std::array<RegisterRule, Registers::kCount> registers;
  bool signal_frame = false;  // the caller was interrupted, not calling
};

// Not thread-safe; the snapshot must outlive it.
class CallFrameInfo {
 public:
  explicit CallFrameInfo(const Snapshot& snapshot);

  // The rule at `pc`, nullptr when the code there has no CFI. `return_address`: the frame is at the call before pc.
  // Valid as long as this object.
  [[nodiscard]] const FrameRule* rule(TargetAddr pc, bool return_address);

 private:
  struct EndCfi {
    void operator()(Dwarf_CFI* cfi) const { dwarf_cfi_end(cfi); }
  };
  struct Object {
    bool tried = false;
    std::optional<ElfImage> image;
    std::unique_ptr<Dwarf_CFI, EndCfi> cfi;
  };

  std::unique_ptr<FrameRule> read_rule(TargetAddr pc);
  Object& object(std::size_t index);

  const Snapshot& snapshot_;
  std::vector<MappedObject> mapped_;
  std::vector<Object> objects_;  // parallel to mapped_
  std::unordered_map<std::uint64_t, std::unique_ptr<FrameRule>> rules_;
};

}  // namespace segwhy
