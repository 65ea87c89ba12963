#include "frameworks/tensorflow/layout.h"

#include <vector>

#include "base/text.h"

namespace segwhy::tensorflow {
namespace {

constexpr Layout kLayouts[] = {
#include "frameworks/tensorflow/layout_table.inc"
};

}  // namespace

const Layout* layout_of(std::string_view version) {
  const std::vector<std::string_view> parts = split(version, '.');
  if (parts.size() < 2) return nullptr;
  const auto major = parse_number(parts[0]);
  const auto minor = parse_number(parts[1]);
  for (const Layout& layout : kLayouts)
    if (major == layout.major && minor == layout.minor) return &layout;
  return nullptr;
}

}  // namespace segwhy::tensorflow
