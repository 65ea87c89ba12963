// The recorder's table of call sites (evidence/wire/sites.h), read without trust. Pure but for reading the file.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evidence/wire/sites.h"
#include "history/area.h"

namespace segwhy::memory {

struct SiteCounts {
  std::uint32_t stack = 0;
  bool mappings = false;  // most of its blocks were mapped, not allocated
  std::uint64_t live_bytes = 0, live_blocks = 0, total_bytes = 0, total_blocks = 0;
  std::uint64_t largest = 0, latest_ticks = 0, latest_size = 0;
};

// The table at one moment.
struct SiteTable {
  std::uint64_t account_bytes = 0;
  std::vector<SiteCounts> sites;  // by number; the first is that of unknown stacks
  std::uint64_t lost_blocks = 0;
  std::uint64_t refused_count = 0, refused_bytes = 0, refused_ticks = 0;
  std::uint32_t refused_stack = 0;
  std::vector<wire::SiteRecord> records;  // as they were read
};

// Reads over `into`, whose memory is used again: this is done many times a second. False: the process keeps no account,
// or what is there makes no sense.
[[nodiscard]] bool read_sites(const history::Area& area, SiteTable& into);

}  // namespace segwhy::memory
