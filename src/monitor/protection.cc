#include "monitor/protection.h"

#include <algorithm>

namespace segwhy {

const std::vector<std::string>& protect_mode_names() {
  static const std::vector<std::string> names{"off", "sampled", "tensors", "exact", "all"};
  return names;
}

wire::ProtectMode protect_mode(std::string_view name) {
  const auto& names = protect_mode_names();
  return static_cast<wire::ProtectMode>(std::find(names.begin(), names.end(), name) - names.begin());
}

std::uint32_t usual_budget_permille(wire::ProtectMode mode) {
  switch (mode) {
    case wire::kProtectAll:
      return 500;
    case wire::kProtectSampled:
      return 10;  // what nobody notices: the first blocks of each call path, and of the rest what that leaves room for
    default:
      return 50;
  }
}

std::vector<std::pair<std::string, std::string>> protection_variables(const Protection& protection) {
  std::vector<std::pair<std::string, std::string>> variables;
  // TensorFlow 2.9 and later keep tensors of 256 KB and more in an arena of their own otherwise; oneDNN stays on.
  if (protection.mode != wire::kProtectOff || protection.account_bytes != 0)
    variables.emplace_back("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1");
  // Python's own allocator reuses small blocks without telling anyone.
  if (protection.mode == wire::kProtectAll) variables.emplace_back("PYTHONMALLOC", "malloc");
  return variables;
}

}  // namespace segwhy
