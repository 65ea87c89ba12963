#include "runtime/trace/frame_rule.h"

#include "runtime/trace/frame_bytes.h"

namespace segwhy::runtime::trace {
namespace {

constexpr uint64_t kRbp = 6, kRsp = 7, kReturnAddress = 16;  // DWARF numbers of registers, psABI figure 3.36
constexpr uint8_t kOpDeref = 0x06, kOpBregRbp = 0x76;
// Table entries as every linker writes them: two 32-bit offsets from the index.
constexpr uint8_t kSortedTable = 0x3b;

struct Entry {
  int32_t function, description;
};

// The common part of the descriptions of many functions.
struct Common {
  uint64_t code_factor;
  int64_t data_factor;
  uint8_t pointers = 0;  // encoding of the functions' addresses
  bool augmented = false;
  bool signal_frame = false;
  FrameBytes program{nullptr, nullptr};
};

struct Description {
  uint64_t function, size;
  Common common;
  FrameBytes program{nullptr, nullptr};
};

// Length and end of a record at `at`; false for the terminator.
[[nodiscard]] bool open_record(const uint8_t* at, const uint8_t* limit, FrameBytes& out) {
  out = {at, limit};
  uint64_t length = out.take<uint32_t>();
  if (length == 0xffffffff) length = out.take<uint64_t>();
  if (out.bad || length == 0 || length > static_cast<uint64_t>(limit - out.at)) return false;
  out.end = out.at + length;
  return true;
}

void read_augmentation(FrameBytes& in, const char* letters, Common& out) {
  if (*letters != 'z') return;
  out.augmented = true;
  const uint64_t length = in.unsigned_leb();
  FrameBytes data = in;
  in.skip(length);
  for (const char* letter = letters + 1; *letter != '\0' && data.more(); ++letter) {
    if (*letter == 'R') {
      out.pointers = data.take<uint8_t>();
    } else if (*letter == 'P') {
      const auto encoding = data.take<uint8_t>();
      data.number(encoding & kPointerFormat);
    } else if (*letter == 'L') {
      data.take<uint8_t>();
    } else if (*letter != 'S' && *letter != 'B') {
      return;
    }
  }
}

[[nodiscard]] bool read_common(const uint8_t* at, const pal::CodeModule& module, Common& out) {
  const auto* const limit = reinterpret_cast<const uint8_t*>(module.end);
  if (reinterpret_cast<uintptr_t>(at) < module.start || at >= limit) return false;
  FrameBytes in{nullptr, nullptr};
  if (!open_record(at, limit, in) || in.take<uint32_t>() != 0) return false;
  const auto version = in.take<uint8_t>();
  if (version != 1 && version != 3) return false;
  const auto* const letters = reinterpret_cast<const char*>(in.at);
  const void* const terminator = memchr(in.at, 0, static_cast<size_t>(in.end - in.at));
  if (terminator == nullptr) return false;
  in.at = static_cast<const uint8_t*>(terminator) + 1;
  if (letters[0] == 'e') return false;  // "eh": of compilers long gone
  out.code_factor = in.unsigned_leb();
  out.data_factor = in.signed_leb();
  const uint64_t return_register = version == 1 ? in.take<uint8_t>() : in.unsigned_leb();
  read_augmentation(in, letters, out);
  out.signal_frame = strchr(letters, 'S') != nullptr;
  out.program = in;
  return !in.bad && return_register == kReturnAddress;
}

[[nodiscard]] bool read_description(const uint8_t* at, const pal::CodeModule& module, Description& out) {
  const auto* const limit = reinterpret_cast<const uint8_t*>(module.end);
  if (reinterpret_cast<uintptr_t>(at) < module.start || at >= limit) return false;
  FrameBytes in{nullptr, nullptr};
  if (!open_record(at, limit, in)) return false;
  const uint8_t* const back_from = in.at;
  const auto back = in.take<uint32_t>();
  if (in.bad || back == 0 || !read_common(back_from - back, module, out.common)) return false;
  out.function = in.pointer(out.common.pointers, module.frame_index);
  out.size = in.number(out.common.pointers & kPointerFormat);
  if (out.common.augmented) in.skip(in.unsigned_leb());
  out.program = in;
  return !in.bad;
}

// The description of the last function that begins at or before `pc`.
[[nodiscard]] const uint8_t* find_description(const pal::CodeModule& module, uintptr_t pc) {
  FrameBytes in{module.frame_index, reinterpret_cast<const uint8_t*>(module.end)};
  const auto version = in.take<uint8_t>();
  const auto frames = in.take<uint8_t>();
  const auto counted = in.take<uint8_t>();
  const auto table = in.take<uint8_t>();
  in.pointer(frames, module.frame_index);
  const uint64_t count = in.pointer(counted, module.frame_index);
  if (in.bad || version != 1 || table != kSortedTable || count == 0) return nullptr;
  if (count > static_cast<uint64_t>(in.end - in.at) / sizeof(Entry)) return nullptr;

  const auto* const entries = reinterpret_cast<const Entry*>(in.at);  // 4-aligned: the index is
  const int64_t wanted = static_cast<int64_t>(pc) - reinterpret_cast<int64_t>(module.frame_index);
  uint64_t low = 0, high = count;  // the last entry not above `wanted` is in [low - 1, high)
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    if (entries[middle].function <= wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low == 0 ? nullptr : module.frame_index + entries[low - 1].description;
}

// The state of the rows of a description, as far as it is followed.
struct Row {
  uint64_t cfa_register = kRsp;
  int64_t cfa_offset = 0;
  RbpKind rbp = RbpKind::kSame;
  int64_t rbp_offset = 0;
  bool through_rbp = false;  // the CFA is the word at rbp + cfa_offset
  bool followed = true;      // false: the CFA is given in another way
  bool outermost = false;
};

class Interpreter {
 public:
  explicit Interpreter(const Common& common) : common_(common) {}

  // Runs `program` up to the row of `pc`. False when it makes no sense.
  [[nodiscard]] bool run(FrameBytes program, uint64_t function, uint64_t pc) {
    location_ = function;
    while (program.more()) {
      const auto op = program.take<uint8_t>();
      if (!step(op, program, pc)) return !program.bad;
      if (program.bad) return false;
    }
    return !program.bad;
  }
  void keep_initial() { initial_ = row; }

  Row row;

 private:
  static constexpr unsigned kMaxRemembered = 8;

  // False when `pc` lies before the next row.
  [[nodiscard]] bool step(uint8_t op, FrameBytes& in, uint64_t pc) {
    const uint64_t low = op & 0x3f;
    switch (op & 0xc0) {
      case 0x40:
        return advance(low, pc);
      case 0x80:
        saved(low, static_cast<int64_t>(in.unsigned_leb()) * common_.data_factor);
        return true;
      case 0xc0:
        restore(low);
        return true;
      default:
        return op >= 0x01 && op <= 0x04 ? advance_to(op, in, pc) : (change(op, in), true);
    }
  }

  [[nodiscard]] bool advance(uint64_t units, uint64_t pc) {
    const uint64_t next = location_ + units * common_.code_factor;
    if (next > pc) return false;
    location_ = next;
    return true;
  }

  [[nodiscard]] bool advance_to(uint8_t op, FrameBytes& in, uint64_t pc) {
    switch (op) {
      case 0x01:  // set_loc: no compiler for x86-64 writes it
        in.bad = true;
        return false;
      case 0x02:
        return advance(in.take<uint8_t>(), pc);
      case 0x03:
        return advance(in.take<uint16_t>(), pc);
      default:
        return advance(in.take<uint32_t>(), pc);
    }
  }

  void change(uint8_t op, FrameBytes& in) {
    switch (op) {
      case 0x00:  // nop
        return;
      case 0x0a:
        return remember();
      case 0x0b:
        return recall(in);
      case 0x0c:  // def_cfa
        row.cfa_register = in.unsigned_leb();
        return set_cfa_offset(static_cast<int64_t>(in.unsigned_leb()));
      case 0x12:  // def_cfa_sf
        row.cfa_register = in.unsigned_leb();
        return set_cfa_offset(in.signed_leb() * common_.data_factor);
      case 0x0d:  // def_cfa_register
        row.cfa_register = in.unsigned_leb();
        row.followed = true;
        row.through_rbp = false;
        return;
      case 0x0e:  // def_cfa_offset
        return set_cfa_offset(static_cast<int64_t>(in.unsigned_leb()));
      case 0x13:  // def_cfa_offset_sf
        return set_cfa_offset(in.signed_leb() * common_.data_factor);
      case 0x0f:
        return cfa_expression(in);
      case 0x2e:  // GNU_args_size
        in.unsigned_leb();
        return;
      default:
        return change_register(op, in);
    }
  }

  void change_register(uint8_t op, FrameBytes& in) {
    const uint64_t reg = in.unsigned_leb();
    switch (op) {
      case 0x05:  // offset_extended
        return saved(reg, static_cast<int64_t>(in.unsigned_leb()) * common_.data_factor);
      case 0x11:  // offset_extended_sf
        return saved(reg, in.signed_leb() * common_.data_factor);
      case 0x2f:  // GNU_negative_offset_extended
        return saved(reg, -static_cast<int64_t>(in.unsigned_leb()) * common_.data_factor);
      case 0x06:
        return restore(reg);
      case 0x07:  // undefined
        if (reg == kReturnAddress) row.outermost = true;
        return lost(reg);
      case 0x08:  // same_value
        if (reg == kRbp) row.rbp = RbpKind::kSame;
        return;
      case 0x10:
        return register_expression(reg, in);
      case 0x09:  // register, val_offset, val_offset_sf
      case 0x14:
      case 0x15:
        in.unsigned_leb();
        return lost(reg);
      case 0x16:  // val_expression
        in.skip(in.unsigned_leb());
        return lost(reg);
      default:
        in.bad = true;
    }
  }

  void set_cfa_offset(int64_t offset) {
    row.cfa_offset = offset;
    row.followed = true;
    row.through_rbp = false;
  }

  void saved(uint64_t reg, int64_t offset) {
    if (reg == kReturnAddress && offset != -8) row.followed = false;
    if (reg != kRbp) return;
    row.rbp = RbpKind::kAtCfa;
    row.rbp_offset = offset;
  }
  void lost(uint64_t reg) {
    if (reg == kRbp) row.rbp = RbpKind::kLost;
  }
  void restore(uint64_t reg) {
    if (reg != kRbp) return;
    row.rbp = initial_.rbp;
    row.rbp_offset = initial_.rbp_offset;
  }

  // DW_OP_breg6 n; DW_OP_deref: what GCC writes for functions that realign their stack.
  void cfa_expression(FrameBytes& in) {
    const uint64_t length = in.unsigned_leb();
    FrameBytes expression = in;
    in.skip(length);
    expression.end = in.at;
    row.followed = expression.take<uint8_t>() == kOpBregRbp;
    row.cfa_offset = expression.signed_leb();
    row.followed = row.followed && expression.take<uint8_t>() == kOpDeref && !expression.bad && !expression.more();
    row.through_rbp = true;
  }

  // DW_OP_breg6 n, in the same functions.
  void register_expression(uint64_t reg, FrameBytes& in) {
    const uint64_t length = in.unsigned_leb();
    FrameBytes expression = in;
    in.skip(length);
    expression.end = in.at;
    if (reg != kRbp) return;
    const bool from_rbp = expression.take<uint8_t>() == kOpBregRbp;
    row.rbp_offset = expression.signed_leb();
    row.rbp = from_rbp && !expression.bad && !expression.more() ? RbpKind::kAtRbp : RbpKind::kLost;
  }

  void remember() {
    if (remembered_count_ < kMaxRemembered) remembered_[remembered_count_] = row;
    ++remembered_count_;
  }
  void recall(FrameBytes& in) {
    if (remembered_count_ == 0 || remembered_count_ > kMaxRemembered) {
      in.bad = true;
    } else {
      row = remembered_[--remembered_count_];
    }
  }

  const Common& common_;
  uint64_t location_ = 0;
  Row initial_;
  Row remembered_[kMaxRemembered];
  unsigned remembered_count_ = 0;
};

[[nodiscard]] bool fits(int64_t value, int64_t limit) {
  return value >= -limit && value < limit;
}

[[nodiscard]] FrameRule rule_of(const Row& row) {
  FrameRule rule;
  if (row.outermost) {
    rule.cfa = CfaKind::kOutermost;
    return rule;
  }
  if (!row.followed || !fits(row.cfa_offset, INT32_MAX)) return rule;
  if (row.through_rbp) {
    rule.cfa = CfaKind::kThroughRbp;
  } else if (row.cfa_register == kRsp) {
    rule.cfa = CfaKind::kFromRsp;
  } else if (row.cfa_register == kRbp) {
    rule.cfa = CfaKind::kFromRbp;
  } else {
    return rule;
  }
  rule.cfa_offset = static_cast<int32_t>(row.cfa_offset);
  rule.rbp = fits(row.rbp_offset, INT16_MAX) ? row.rbp : RbpKind::kLost;
  rule.rbp_offset = static_cast<int16_t>(rule.rbp == RbpKind::kLost ? 0 : row.rbp_offset);
  return rule;
}

}  // namespace

FrameRule decode_frame_rule(const pal::CodeModule& module, uintptr_t pc, uintptr_t& function) {
  function = 0;
  if (module.frame_index == nullptr) return {};
  const uint8_t* const at = find_description(module, pc);
  Description found{};
  if (at == nullptr || !read_description(at, module, found)) return {};
  if (pc < found.function || pc - found.function >= found.size || found.common.signal_frame) return {};
  function = found.function;
  Interpreter interpreter(found.common);
  if (!interpreter.run(found.common.program, found.function, UINT64_MAX)) return {};
  interpreter.keep_initial();
  if (!interpreter.run(found.program, found.function, pc)) return {};
  return rule_of(interpreter.row);
}

}  // namespace segwhy::runtime::trace
