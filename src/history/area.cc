#include "history/area.h"

#include <string>

namespace segwhy::history {
namespace {

constexpr double kNsPerSecond = 1e9;

// A section that does not lie in the mapped part of the area is none.
void drop_bad_sections(wire::AreaHeader& header) {
  for (wire::SectionEntry& section : header.sections) {
    const bool fits = section.offset >= sizeof(wire::AreaHeader) && section.offset <= header.area_bytes &&
                      section.size <= header.area_bytes - section.offset;
    if (!fits) section = {};
  }
}

}  // namespace

Result<Area> Area::open(MemoryReader& file, std::uint32_t record, std::uint32_t generation) {
  if (record >= wire::kMaxProcesses) return fail("there is no process record " + std::to_string(record));
  const TargetAddr start(wire::area_offset(record));
  auto header = file.value<wire::AreaHeader>(start);
  if (!header || header->magic != wire::kAreaMagic) return fail("the process has no record of its heap");
  if (header->version != wire::kRecorderVersion)
    return fail("the record of the heap has version " + std::to_string(header->version) + ", not " +
                std::to_string(wire::kRecorderVersion));
  if (header->record != record || header->generation != generation || header->area_bytes > wire::kAreaBytes)
    return fail("the record of the heap is another process's");
  drop_bad_sections(*header);
  return Area(file, start, *header);
}

std::uint64_t Area::size(wire::AreaSection section) const {
  return section < wire::kSectionCount ? header_.sections[section].size : 0;
}

bool Area::holds(wire::AreaSection section, std::uint64_t offset, std::uint64_t count) const {
  return offset <= size(section) && count <= size(section) - offset;
}

std::optional<std::vector<std::byte>> Area::bytes(wire::AreaSection section, std::uint64_t offset,
                                                  std::uint64_t count) const {
  if (!holds(section, offset, count)) return std::nullopt;
  return file_->bytes(place(section) + offset, count);
}

std::optional<double> age_s(const wire::AreaHeader& header, const wire::ClockPair& now, std::uint64_t ticks) {
  const wire::ClockPair& first = header.first_clock;
  if (ticks == 0 || ticks < first.ticks || ticks > now.ticks) return std::nullopt;
  if (now.ticks <= first.ticks || now.monotonic_ns <= first.monotonic_ns) return std::nullopt;
  const double ns_per_tick =
      static_cast<double>(now.monotonic_ns - first.monotonic_ns) / static_cast<double>(now.ticks - first.ticks);
  return static_cast<double>(now.ticks - ticks) * ns_per_tick / kNsPerSecond;
}

}  // namespace segwhy::history
