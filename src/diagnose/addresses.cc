#include "diagnose/addresses.h"

#include <fmt/format.h>

#include "base/text.h"

namespace segwhy {
namespace {

std::string gap(const MappingInfo& mapping, const char* side) {
  return fmt::format("{} {} {}", human_bytes(mapping.distance), side, describe(mapping));
}

}  // namespace

std::string describe(const MappingInfo& mapping) {
  if (mapping.path.empty()) return fmt::format("an anonymous mapping ({})", mapping.permissions);
  std::string name(mapping.path.starts_with('[') ? std::string_view(mapping.path) : base_name(mapping.path));
  if (!mapping.section.empty()) return fmt::format("{} of {} ({})", mapping.section, name, mapping.permissions);
  return fmt::format("{} ({})", name, mapping.permissions);
}

std::string describe_place(const Fault& fault) {
  if (fault.non_canonical) return "not an address the CPU accepts (non-canonical)";
  if (fault.inside) return "inside " + describe(*fault.inside);
  // What lies terabytes away says nothing.
  constexpr std::uint64_t kFar = std::uint64_t{1} << 32;
  const bool below = fault.below && fault.below->distance < kFar;
  const bool above = fault.above && fault.above->distance < kFar;
  if (below && (!above || fault.below->distance <= fault.above->distance))
    return "unmapped, " + gap(*fault.below, "above the end of");
  if (above) return "unmapped, " + gap(*fault.above, "below");
  return "unmapped";
}

}  // namespace segwhy
