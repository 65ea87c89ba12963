#include "symbols/module_markers.h"

namespace segwhy {

std::vector<std::string> module_markers(const ElfImage& image, const Module& module) {
  (void)image;
  (void)module;
  return {};
}

}  // namespace segwhy
