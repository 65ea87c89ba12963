#include "unwind/stepper.h"

#include <algorithm>

#include "evidence/model/case.h"
#include "unwind/dwarf_expression.h"

namespace segwhy {
namespace {

constexpr std::uint64_t kWord = 8;
// A frame without CFI is searched this far for its return address. Assembly and generated kernels seldom keep more on
// the stack; a larger search finds more stale addresses than callers.
constexpr std::uint64_t kScanBytes = 16 << 10;
constexpr std::uint64_t kMaxFrameSize = std::uint64_t{16} << 20;
constexpr int kMaxFramePointerGuesses = 8;

// Where the kernel puts a register into the ucontext that lies at the stack pointer of the trampoline: uc_mcontext is
// at 40, its gregs in the order of sys/ucontext.h (REG_R8...REG_RIP).
constexpr std::uint64_t kMcontext = 40;
constexpr std::array<std::size_t, Registers::kCount> kGregs = {
    Registers::kR8,  Registers::kR9,  Registers::kR10, Registers::kR11, Registers::kR12, Registers::kR13,
    Registers::kR14, Registers::kR15, Registers::kRdi, Registers::kRsi, Registers::kRbp, Registers::kRbx,
    Registers::kRdx, Registers::kRax, Registers::kRcx, Registers::kRsp, Registers::kRip};

}  // namespace

Stepper::Stepper(MemoryReader& memory, const ThreadSnapshot& thread, CallFrameInfo& cfi, CodeInspector& code)
    : cfi_(cfi), code_(code), memory_(memory), thread_(thread) {}

WalkFrame Stepper::first() const {
  WalkFrame frame;
  frame.registers.value = thread_.registers.dwarf;
  frame.registers.known.set();
  frame.trust = kTrustContext;
  frame.signal_frame = code_.is_signal_return(frame.registers.pc());
  return frame;
}

StepOutcome Stepper::step(WalkFrame& frame) {
  if (frame.signal_frame) return by_signal_trampoline(frame);
  for (const auto means :
       {&Stepper::by_cfi, &Stepper::by_return_address, &Stepper::by_frame_pointer, &Stepper::by_scan}) {
    const StepOutcome outcome = (this->*means)(frame);
    if (outcome != StepOutcome::kLost) return outcome;
  }
  return StepOutcome::kLost;
}

StepOutcome Stepper::accept(WalkFrame& frame, const FrameState& caller, bool interrupted, const char* trust) {
  frame.registers = caller;
  frame.signal_frame = code_.is_signal_return(caller.pc());
  frame.return_address = !interrupted && !frame.signal_frame;
  frame.uncertain = trust != kTrustCfi && trust != kTrustReturnAddress;
  frame.trust = trust;
  return StepOutcome::kCaller;
}

// Restores from the ucontext rather than by CFI: the layout is the kernel's ABI, while restorers other than glibc's
// have no CFI. The stack pointer may fall here: handlers run on alternate stacks.
StepOutcome Stepper::by_signal_trampoline(WalkFrame& frame) {
  FrameState caller;
  const TargetAddr gregs = frame.registers.sp() + kMcontext;
  for (std::size_t i = 0; i < kGregs.size(); ++i) {
    const auto value = memory_.word(gregs + i * kWord);
    if (!value) return StepOutcome::kLost;
    caller.set(kGregs[i], *value);
  }
  return accept(frame, caller, true, kTrustCfi);
}

std::optional<std::uint64_t> Stepper::cfa(const FrameRule& rule, const FrameState& frame) {
  if (!rule.cfa_expression.empty()) return evaluate_expression(rule.cfa_expression, frame, memory_, std::nullopt);
  const auto base = frame.get(rule.cfa_register);
  if (!base) return std::nullopt;
  return *base + static_cast<std::uint64_t>(rule.cfa_offset);
}

bool Stepper::restore(std::size_t reg, const RegisterRule& rule, std::uint64_t cfa, const FrameState& frame,
                      FrameState& caller) {
  using Kind = RegisterRule::Kind;
  const auto offset = static_cast<std::uint64_t>(rule.offset);
  std::optional<std::uint64_t> value;
  switch (rule.kind) {
    case Kind::kUndefined:
      return true;
    case Kind::kSame:
      value = frame.get(reg);
      if (!value) return true;  // still unknown
      break;
    case Kind::kRegister:
      value = frame.get(offset);
      if (!value) return true;
      break;
    case Kind::kIsCfa:
      value = cfa + offset;
      break;
    case Kind::kAtCfa:
      value = memory_.word(TargetAddr(cfa + offset));
      break;
    case Kind::kIsExpression:
      value = evaluate_expression(rule.expression, frame, memory_, cfa);
      break;
    case Kind::kAtExpression:
      if (const auto at = evaluate_expression(rule.expression, frame, memory_, cfa))
        value = memory_.word(TargetAddr(*at));
      break;
  }
  if (!value) return false;
  caller.set(reg, *value);
  return true;
}

StepOutcome Stepper::by_cfi(WalkFrame& frame) {
  const FrameRule* rule = cfi_.rule(frame.registers.pc(), frame.return_address);
  if (rule == nullptr) return StepOutcome::kLost;
  if (rule->registers[Registers::kRip].kind == RegisterRule::Kind::kUndefined) return StepOutcome::kOutermost;
  const auto frame_address = cfa(*rule, frame.registers);
  if (!frame_address) return StepOutcome::kLost;

  FrameState caller;
  for (std::size_t reg = 0; reg < Registers::kCount; ++reg) {
    if (!restore(reg, rule->registers[reg], *frame_address, frame.registers, caller)) return StepOutcome::kLost;
  }
  if (!rule->signal_frame) caller.set(Registers::kRsp, *frame_address);
  if (!caller.get(Registers::kRip) || !caller.get(Registers::kRsp)) return StepOutcome::kLost;
  if (caller.pc().is_null()) return StepOutcome::kOutermost;  // pushed by what started the thread
  if (rule->signal_frame) return accept(frame, caller, true, kTrustCfi);

  const bool rises = caller.sp() > frame.registers.sp();
  const bool plausible = frame.uncertain ? code_.follows_call(caller.pc()) : code_.executable(caller.pc());
  if (!rises || !plausible) return StepOutcome::kLost;
  return accept(frame, caller, false, kTrustCfi);
}

// A call to a wild address has pushed its return address and changed nothing else, so the caller is exact. The same
// holds at the first instruction of code without CFI.
StepOutcome Stepper::by_return_address(WalkFrame& frame) {
  if (frame.return_address) return StepOutcome::kLost;
  const auto top = memory_.word(frame.registers.sp());
  if (!top || !code_.follows_call(TargetAddr(*top))) return StepOutcome::kLost;
  FrameState caller = frame.registers;
  caller.set(Registers::kRip, *top);
  caller.set(Registers::kRsp, frame.registers.sp().value() + kWord);
  const bool bad_jump = !code_.executable(frame.registers.pc());
  if (!bad_jump && prove(caller) == Proof::kWrong) return StepOutcome::kLost;
  return accept(frame, caller, false, bad_jump ? kTrustReturnAddress : kTrustScan);
}

StepOutcome Stepper::by_frame_pointer(WalkFrame& frame) {
  const auto fp = frame.registers.get(Registers::kRbp);
  const std::uint64_t sp = frame.registers.sp().value();
  if (!fp || *fp % kWord != 0 || *fp < sp || *fp - sp > kMaxFrameSize) return StepOutcome::kLost;
  const auto saved = memory_.word(TargetAddr(*fp));
  const auto pc = memory_.word(TargetAddr(*fp + kWord));
  if (!saved || !pc || !code_.follows_call(TargetAddr(*pc))) return StepOutcome::kLost;

  FrameState caller;
  caller.set(Registers::kRbp, *saved);
  caller.set(Registers::kRip, *pc);
  caller.set(Registers::kRsp, *fp + 2 * kWord);
  if (const auto owner = owner_of_frame_pointer(frame.registers, caller)) {
    return accept(frame, *owner, false, kTrustScan);
  }
  if (prove(caller) == Proof::kWrong) return StepOutcome::kLost;
  return accept(frame, caller, false, kTrustFp);
}

// Code that keeps no frame pointer leaves its caller's in the register. That caller's return address is then on the
// stack before the frame, and unwinding it by CFI leads exactly where the frame pointer does.
std::optional<FrameState> Stepper::owner_of_frame_pointer(const FrameState& frame, const FrameState& caller) {
  const std::uint64_t fp = frame.value[Registers::kRbp];
  const std::uint64_t end = std::min(fp, frame.sp().value() + kScanBytes);
  for (std::uint64_t slot = frame.sp().value(); slot < end; slot += kWord) {
    const auto word = memory_.word(TargetAddr(slot));
    if (!word) return std::nullopt;
    if (!code_.follows_call(TargetAddr(*word))) continue;
    FrameState candidate;
    candidate.set(Registers::kRip, *word);
    candidate.set(Registers::kRsp, slot + kWord);
    candidate.set(Registers::kRbp, fp);
    WalkFrame next;
    if (prove(candidate, &next) != Proof::kRight) continue;
    if (next.registers.pc() == caller.pc() && next.registers.sp() == caller.sp()) return candidate;
  }
  return std::nullopt;
}

Stepper::Proof Stepper::prove(const FrameState& candidate, WalkFrame* next) {
  WalkFrame probe;
  probe.registers = candidate;
  probe.return_address = true;
  probe.uncertain = true;
  if (cfi_.rule(candidate.pc(), true) == nullptr) return Proof::kNone;
  const StepOutcome outcome = by_cfi(probe);
  if (next != nullptr) *next = probe;
  return outcome == StepOutcome::kLost ? Proof::kWrong : Proof::kRight;
}

// The skipped code may have changed the frame pointer that the candidate relies on, and then saved it: between the
// stack pointer and the return address, most often right below the latter.
Stepper::Proof Stepper::prove_scanned(const FrameState& frame, TargetAddr slot, FrameState& candidate) {
  const std::uint64_t sp = slot.value() + kWord;
  const auto plausible = [&](std::uint64_t fp) { return fp % kWord == 0 && fp >= sp && fp - sp <= kMaxFrameSize; };
  const auto current = frame.get(Registers::kRbp);
  if (current && plausible(*current)) candidate.set(Registers::kRbp, *current);
  Proof proof = prove(candidate);
  int guesses = 0;
  for (TargetAddr at = slot; proof == Proof::kWrong && at > frame.sp() && guesses < kMaxFramePointerGuesses;) {
    at = at - kWord;
    const auto saved = memory_.word(at);
    if (!saved || !plausible(*saved)) continue;
    candidate.set(Registers::kRbp, *saved);
    proof = prove(candidate);
    ++guesses;
  }
  return proof;
}

StepOutcome Stepper::by_scan(WalkFrame& frame) {
  std::optional<FrameState> unproven;
  const TargetAddr begin((frame.registers.sp().value() + kWord - 1) & ~(kWord - 1));
  for (TargetAddr slot = begin; slot - begin < kScanBytes; slot = slot + kWord) {
    const auto word = memory_.word(slot);
    if (!word) break;
    if (!code_.follows_call(TargetAddr(*word))) continue;
    FrameState candidate;
    candidate.set(Registers::kRip, *word);
    candidate.set(Registers::kRsp, slot.value() + kWord);
    const Proof proof = prove_scanned(frame.registers, slot, candidate);
    if (proof == Proof::kRight) return accept(frame, candidate, false, kTrustScan);
    if (proof == Proof::kNone && !unproven) unproven = candidate;
  }
  if (!unproven) return StepOutcome::kLost;
  return accept(frame, *unproven, false, kTrustScan);
}

}  // namespace segwhy
