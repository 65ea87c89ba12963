#include "symbols/module_facts.h"

#include "symbols/module_markers.h"

namespace segwhy {

Module describe_module(const MappedObject& object, const ElfImage* image, PackageIndex& packages) {
  Module module;
  module.path = object.path;
  module.start = object.start.value();
  module.end = object.end.value();
  if (const auto owner = packages.owner(object.path)) {
    module.package = owner->name;
    module.package_version = owner->version;
  }
  if (image == nullptr) return module;
  module.build_id = image->build_id();
  DynamicInfo dynamic = image->dynamic();
  module.soname = std::move(dynamic.soname);
  module.needed = std::move(dynamic.needed);
  module.markers = module_markers(*image, module);
  return module;
}

}  // namespace segwhy
