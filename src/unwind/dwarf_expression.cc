#include "unwind/dwarf_expression.h"

#include <dwarf.h>

#include <vector>

namespace segwhy {
namespace {

class Machine {
 public:
  Machine(const FrameState& frame, StackReader& memory) : frame_(frame), memory_(memory) {}

  void push(std::uint64_t v) { stack_.push_back(v); }
  [[nodiscard]] std::optional<std::uint64_t> top() const {
    return stack_.empty() ? std::nullopt : std::optional(stack_.back());
  }
  // False: the operation is not supported here, or its operands are missing.
  bool execute(const Dwarf_Op& op);

 private:
  static constexpr std::size_t kMaxDepth = 64;

  bool push_if(std::optional<std::uint64_t> v) {
    if (v) stack_.push_back(*v);
    return v.has_value() && stack_.size() <= kMaxDepth;
  }
  std::optional<std::uint64_t> pop() {
    const auto v = top();
    if (v) stack_.pop_back();
    return v;
  }
  bool dereference(std::size_t size);
  bool stack_operation(const Dwarf_Op& op);
  bool unary(const Dwarf_Op& op);
  bool binary(const Dwarf_Op& op);

  const FrameState& frame_;
  StackReader& memory_;
  std::vector<std::uint64_t> stack_;
};

bool Machine::dereference(std::size_t size) {
  const auto at = pop();
  return at && size >= 1 && size <= 8 && push_if(memory_.value(TargetAddr(*at), size));
}

bool Machine::stack_operation(const Dwarf_Op& op) {
  const std::size_t depth = op.atom == DW_OP_dup ? 0 : op.atom == DW_OP_over ? 1 : op.number;
  if (op.atom == DW_OP_drop) return pop().has_value();
  if (op.atom == DW_OP_swap) {
    if (stack_.size() < 2) return false;
    std::swap(stack_[stack_.size() - 1], stack_[stack_.size() - 2]);
    return true;
  }
  return depth < stack_.size() && push_if(stack_[stack_.size() - 1 - depth]);
}

bool Machine::unary(const Dwarf_Op& op) {
  const auto v = pop();
  if (!v) return false;
  switch (op.atom) {
    case DW_OP_neg:
      return push_if(0 - *v);
    case DW_OP_not:
      return push_if(~*v);
    default:
      return push_if(*v + op.number);  // DW_OP_plus_uconst
  }
}

bool Machine::binary(const Dwarf_Op& op) {
  const auto right = pop();
  const auto left = pop();
  if (!left || !right) return false;
  const auto signed_left = static_cast<std::int64_t>(*left);
  const auto signed_right = static_cast<std::int64_t>(*right);
  const std::uint64_t shift = *right & 63U;
  switch (op.atom) {
    case DW_OP_and:
      return push_if(*left & *right);
    case DW_OP_or:
      return push_if(*left | *right);
    case DW_OP_xor:
      return push_if(*left ^ *right);
    case DW_OP_plus:
      return push_if(*left + *right);
    case DW_OP_minus:
      return push_if(*left - *right);
    case DW_OP_mul:
      return push_if(*left * *right);
    case DW_OP_shl:
      return push_if(*left << shift);
    case DW_OP_shr:
      return push_if(*left >> shift);
    case DW_OP_shra:
      return push_if(static_cast<std::uint64_t>(signed_left >> shift));
    case DW_OP_eq:
      return push_if(signed_left == signed_right);
    case DW_OP_ne:
      return push_if(signed_left != signed_right);
    case DW_OP_ge:
      return push_if(signed_left >= signed_right);
    case DW_OP_gt:
      return push_if(signed_left > signed_right);
    case DW_OP_le:
      return push_if(signed_left <= signed_right);
    case DW_OP_lt:
      return push_if(signed_left < signed_right);
    default:
      return false;
  }
}

bool Machine::execute(const Dwarf_Op& op) {
  if (op.atom >= DW_OP_lit0 && op.atom <= DW_OP_lit31) return push_if(op.atom - DW_OP_lit0);
  if (op.atom >= DW_OP_breg0 && op.atom <= DW_OP_breg31) {
    const auto base = frame_.get(op.atom - DW_OP_breg0);
    return base && push_if(*base + op.number);
  }
  switch (op.atom) {
    case DW_OP_nop:
    case DW_OP_stack_value:
      return true;
    case DW_OP_addr:
      return false;  // relocatable; does not occur in CFI
    case DW_OP_const1u:
    case DW_OP_const1s:
    case DW_OP_const2u:
    case DW_OP_const2s:
    case DW_OP_const4u:
    case DW_OP_const4s:
    case DW_OP_const8u:
    case DW_OP_const8s:
    case DW_OP_constu:
    case DW_OP_consts:
      return push_if(op.number);
    case DW_OP_bregx: {
      const auto base = frame_.get(op.number);
      return base && push_if(*base + op.number2);
    }
    case DW_OP_call_frame_cfa:
      return top().has_value();  // already there: see `initial`
    case DW_OP_deref:
      return dereference(8);
    case DW_OP_deref_size:
      return dereference(op.number);
    case DW_OP_dup:
    case DW_OP_over:
    case DW_OP_pick:
    case DW_OP_drop:
    case DW_OP_swap:
      return stack_operation(op);
    case DW_OP_neg:
    case DW_OP_not:
    case DW_OP_plus_uconst:
      return unary(op);
    default:
      return binary(op);
  }
}

}  // namespace

std::optional<std::uint64_t> evaluate_expression(std::span<const Dwarf_Op> ops, const FrameState& frame,
                                                 StackReader& memory, std::optional<std::uint64_t> initial) {
  constexpr std::size_t kMaxOperations = 256;  // no branches are supported, so this bounds the work
  if (ops.size() > kMaxOperations) return std::nullopt;
  Machine machine(frame, memory);
  if (initial) machine.push(*initial);
  for (const Dwarf_Op& op : ops) {
    if (!machine.execute(op)) return std::nullopt;
  }
  return machine.top();
}

}  // namespace segwhy
