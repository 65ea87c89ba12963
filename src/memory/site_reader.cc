#include "memory/site_reader.h"

#include <algorithm>
#include <cstring>

#include "evidence/wire/sites.h"

namespace segwhy::memory {
namespace {

// A count that is seen between the two updates of another thread may be below zero for a moment; nothing real is as
// large.
std::uint64_t plausible(std::uint64_t count) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 56;
  return count < kMost ? count : 0;
}

SiteCounts counts_of(const wire::SiteRecord& record) {
  SiteCounts out;
  out.stack = record.stack;
  out.mappings = plausible(record.total_blocks) < 2 * std::uint64_t{record.mappings};
  out.live_bytes = plausible(record.live_bytes);
  out.live_blocks = plausible(record.live_blocks);
  out.total_bytes = plausible(record.total_bytes);
  out.total_blocks = plausible(record.total_blocks);
  out.largest = plausible(record.largest);
  out.latest_ticks = record.latest_ticks;
  out.latest_size = plausible(record.latest_size);
  return out;
}

}  // namespace

std::optional<SiteTable> read_sites(const history::Area& area) {
  const auto header = area.at<wire::SiteTable>(wire::kSectionSites, 0);
  if (!header || header->account_bytes == 0) return std::nullopt;
  const std::uint64_t room = (area.size(wire::kSectionSites) - sizeof *header) / sizeof(wire::SiteRecord);
  const std::uint64_t count = std::min<std::uint64_t>({header->count, header->capacity, room});
  const auto bytes = area.bytes(wire::kSectionSites, sizeof *header, count * sizeof(wire::SiteRecord));
  if (!bytes) return std::nullopt;
  SiteTable out;
  out.account_bytes = header->account_bytes;
  out.lost_blocks = plausible(header->lost_blocks);
  out.refused_count = plausible(header->refused_count);
  out.refused_bytes = header->refused_bytes;
  out.refused_ticks = header->refused_ticks;
  out.refused_stack = header->refused_stack;
  out.sites.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    wire::SiteRecord record{};
    std::memcpy(&record, bytes->data() + i * sizeof record, sizeof record);
    out.sites.push_back(counts_of(record));
  }
  return out;
}

}  // namespace segwhy::memory
