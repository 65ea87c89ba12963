#include "memory/site_reader.h"

#include <algorithm>
#include <span>

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

bool read_sites(const history::Area& area, SiteTable& into) {
  const auto header = area.at<wire::SiteTable>(wire::kSectionSites, 0);
  if (!header || header->account_bytes == 0) return false;
  const std::uint64_t room = (area.size(wire::kSectionSites) - sizeof *header) / sizeof(wire::SiteRecord);
  const std::uint64_t count = std::min<std::uint64_t>({header->count, header->capacity, room});
  into.records.resize(count);
  if (!area.read(wire::kSectionSites, sizeof *header, std::as_writable_bytes(std::span(into.records)))) return false;
  into.account_bytes = header->account_bytes;
  into.lost_blocks = plausible(header->lost_blocks);
  into.refused_count = plausible(header->refused_count);
  into.refused_bytes = header->refused_bytes;
  into.refused_ticks = header->refused_ticks;
  into.refused_stack = header->refused_stack;
  into.sites.clear();
  for (const wire::SiteRecord& record : into.records) into.sites.push_back(counts_of(record));
  return true;
}

}  // namespace segwhy::memory
