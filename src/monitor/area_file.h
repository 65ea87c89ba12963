// The flight recorder's areas as the monitor sees them: read with pread, never mapped, never believed.
#pragma once

#include <cstdint>
#include <optional>

#include "monitor/session.h"

namespace segwhy {

// The header of the area of record `slot`; nullopt when there is none or it is not complete.
[[nodiscard]] std::optional<wire::AreaHeader> read_area_header(const Session& session, std::uint32_t slot);

// Gives the memory of the area back. Nobody may use it any more.
void discard_area(const Session& session, std::uint32_t slot);

}  // namespace segwhy
