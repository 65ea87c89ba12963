#include "history/protection.h"

#include "evidence/wire/small_blocks.h"
#include "history/findings.h"

namespace segwhy::history {
namespace {

std::string mode_name(std::uint32_t mode) {
  switch (mode) {
    case wire::kProtectOff:
      return "off";
    case wire::kProtectSampled:
      return "sampled";
    case wire::kProtectTensors:
      return "tensors";
    case wire::kProtectExact:
      return "exact";
    case wire::kProtectAll:
      return "all";
    default:
      return {};
  }
}

std::string tactic_name(std::uint32_t tactic) {
  switch (tactic) {
    case wire::kTacticMove:
      return "userfaultfd moves";
    case wire::kTacticRemap:
      return "mremap";
    case wire::kTacticProtect:
      return "mprotect";
    case wire::kTacticCanary:
      return "canaries only";
    default:
      return {};
  }
}

const char* reason_name(std::uint32_t reason) {
  switch (reason) {
    case wire::kUnprotectedAlignment:
      return "page-aligned";
    case wire::kUnprotectedSize:
      return "too large";
    case wire::kUnprotectedMemory:
      return "memory";
    case wire::kUnprotectedSlots:
      return "slots";
    case wire::kUnprotectedBudget:
      return "budget";
    case wire::kUnprotectedReentry:
      return "in a signal handler";
    case wire::kUnprotectedEarly:
      return "before the start";
    case wire::kUnprotectedLimit:
      return "after the program limited its address space";
    default:
      return nullptr;
  }
}

}  // namespace

ProtectionSummary read_protection(const Area& area, const wire::ClockPair& now) {
  constexpr double kPermille = 1000;
  const wire::AreaHeader& header = area.header();
  ProtectionSummary out;
  out.mode = mode_name(header.mode);
  out.requested = mode_name(header.mode_requested);
  out.tactic = tactic_name(header.tactic_small);
  out.blocks = header.protected_blocks;
  out.bytes = header.protected_bytes;
  for (std::uint32_t i = 0; i < wire::kUnprotectedReasons; ++i)
    if (const char* reason = reason_name(i); reason != nullptr && header.unprotected_blocks[i] != 0)
      out.unprotected[reason] = header.unprotected_blocks[i];
  if (header.recycled_slots != 0) out.horizon_s = age_s(header, now, header.horizon_ticks);
  if (header.governor.cpu_ns != 0) out.slowdown = header.governor.cost_permille / kPermille;
  out.lowered = header.governor.highest_level;
  if (header.mode_requested == wire::kProtectExact) out.exact = exact_state(area);
  if (const auto small = area.at<wire::SmallTable>(wire::kSectionSmallBlocks, 0)) {
    out.checked = small->checked_blocks;
    if (small->no_room != 0) out.unprotected["table full"] = small->no_room;
  }
  return out;
}

}  // namespace segwhy::history
