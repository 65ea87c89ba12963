#include "unwind/call_frame_info.h"

#include <dwarf.h>

#include <cstdlib>
#include <span>

namespace segwhy {
namespace {

using Ops = std::span<const Dwarf_Op>;

// libdw spells the common rules as short expressions; taking those apart once saves an interpreter run per frame.
void simplify_cfa(Ops ops, FrameRule& rule) {
  if (ops.size() == 1 && ops[0].atom == DW_OP_bregx) {
    rule.cfa_register = ops[0].number;
    rule.cfa_offset = static_cast<std::int64_t>(ops[0].number2);
  } else if (ops.size() == 1 && ops[0].atom >= DW_OP_breg0 && ops[0].atom <= DW_OP_breg31) {
    rule.cfa_register = ops[0].atom - DW_OP_breg0;
    rule.cfa_offset = static_cast<std::int64_t>(ops[0].number);
  } else {
    rule.cfa_expression.assign(ops.begin(), ops.end());
  }
}

RegisterRule register_rule(Ops ops) {
  using Kind = RegisterRule::Kind;
  const bool is_value = ops.back().atom == DW_OP_stack_value;
  const Ops core = is_value ? ops.first(ops.size() - 1) : ops;
  if (!core.empty() && core[0].atom == DW_OP_call_frame_cfa) {
    const bool offset = core.size() == 2 && core[1].atom == DW_OP_plus_uconst;
    if (core.size() == 1 || offset) {
      return {is_value ? Kind::kIsCfa : Kind::kAtCfa, offset ? static_cast<std::int64_t>(core[1].number) : 0, {}};
    }
  }
  if (core.size() == 1 && core[0].atom >= DW_OP_reg0 && core[0].atom <= DW_OP_reg31) {
    return {Kind::kRegister, core[0].atom - DW_OP_reg0, {}};
  }
  if (core.size() == 1 && core[0].atom == DW_OP_regx) {
    return {Kind::kRegister, static_cast<std::int64_t>(core[0].number), {}};
  }
  return {is_value ? Kind::kIsExpression : Kind::kAtExpression, 0, {core.begin(), core.end()}};
}

std::unique_ptr<FrameRule> rule_of(Dwarf_Frame* frame) {
  auto rule = std::make_unique<FrameRule>();
  (void)dwarf_frame_info(frame, nullptr, nullptr, &rule->signal_frame);
  Dwarf_Op* ops = nullptr;
  std::size_t count = 0;
  if (dwarf_frame_cfa(frame, &ops, &count) != 0 || count == 0) return nullptr;
  simplify_cfa({ops, count}, *rule);

  for (std::size_t reg = 0; reg < Registers::kCount; ++reg) {
    std::array<Dwarf_Op, 3> scratch{};
    if (dwarf_frame_register(frame, static_cast<int>(reg), scratch.data(), &ops, &count) != 0) return nullptr;
    if (count != 0) {
      rule->registers[reg] = register_rule({ops, count});
    } else {
      rule->registers[reg].kind = ops == nullptr ? RegisterRule::Kind::kSame : RegisterRule::Kind::kUndefined;
    }
  }
  return rule;
}

}  // namespace

CallFrameInfo::CallFrameInfo(const Snapshot& snapshot)
    : snapshot_(snapshot), mapped_(mapped_objects(snapshot)), objects_(mapped_.size()) {}

CallFrameInfo::Object& CallFrameInfo::object(std::size_t index) {
  Object& object = objects_[index];
  if (object.tried) return object;
  object.tried = true;
  auto image = ElfImage::open(snapshot_, mapped_[index]);
  if (!image) return object;
  object.image.emplace(std::move(*image));
  object.cfi.reset(dwarf_getcfi_elf(object.image->elf()));
  return object;
}

const FrameRule* CallFrameInfo::rule(TargetAddr pc, bool return_address) {
  const TargetAddr at = return_address ? pc - 1 : pc;
  auto [it, fresh] = rules_.try_emplace(at.value());
  if (fresh) it->second = read_rule(at);
  return it->second.get();
}

std::unique_ptr<FrameRule> CallFrameInfo::read_rule(TargetAddr pc) {
  const std::size_t index = object_of(mapped_, pc);
  if (index == mapped_.size()) return nullptr;
  const Object& owner = object(index);
  if (!owner.cfi) return nullptr;
  Dwarf_Frame* frame = nullptr;
  if (dwarf_cfi_addrframe(owner.cfi.get(), pc.value() - owner.image->bias(), &frame) != 0) return nullptr;
  auto rule = rule_of(frame);
  std::free(frame);  // NOLINT: libdw's contract
  return rule;
}

}  // namespace segwhy
