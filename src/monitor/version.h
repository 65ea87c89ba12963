// Segwhy's version, for cases and --version.
#pragma once

namespace segwhy {

inline constexpr char kVersionText[] = SEGWHY_VERSION;

}  // namespace segwhy
