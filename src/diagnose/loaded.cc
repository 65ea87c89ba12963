#include "diagnose/loaded.h"

#include <fmt/format.h>

#include "base/text.h"
#include "diagnose/messages/lines.h"

namespace segwhy {

std::vector<MarkedModule> modules_with(const Case& evidence, std::string_view family) {
  std::vector<MarkedModule> found;
  for (const Module& module : evidence.program.modules) {
    for (const std::string_view marker : module.markers) {
      const std::string_view name = marker.substr(0, marker.find(':'));
      if (name != family) continue;
      const std::string_view value = marker.substr(std::min(marker.size(), name.size() + 1));
      found.push_back({&module, std::string(value)});
      break;
    }
  }
  return found;
}

const Module* module_at(const Case& evidence, std::string_view path) {
  for (const Module& module : evidence.program.modules)
    if (module.path == path) return &module;
  return nullptr;
}

std::string describe(const Module& module) {
  std::string name(base_name(module.path));
  if (!module.package.empty())
    name += fmt::format(" (package {}{}{})", module.package, module.package_version.empty() ? "" : " ",
                        module.package_version);
  return name;
}

std::optional<std::uint64_t> major_version(const Case& evidence, const std::string& package) {
  const auto found = evidence.program.packages.find(package);
  return found == evidence.program.packages.end() ? std::nullopt : text::leading_number(found->second);
}

}  // namespace segwhy
