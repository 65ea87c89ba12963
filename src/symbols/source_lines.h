// SourceLines: file, line and inlined functions of code addresses, from DWARF (libdw).
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dwarf/elf_image.h"

namespace segwhy {

struct SourceFrame {
  std::string function;  // raw: the linkage name when there is one, else the plain name
  std::string file;
  std::optional<int> line;
  bool inlined = false;  // into the next one
};

// Not thread-safe. The image (the object or its debug file) must outlive it.
class SourceLines {
 public:
  // nullopt when the image has no debug information, or so much compressed that reading it would hold up the report.
  static std::optional<SourceLines> open(const ElfImage& image);

  // Innermost first; the last one is the function that the code belongs to. Empty when the address is not covered.
  [[nodiscard]] std::vector<SourceFrame> at(std::uint64_t link_address);

 private:
  struct EndDwarf {
    void operator()(Dwarf* dwarf) const { dwarf_end(dwarf); }
  };
  struct UnitRange {
    std::uint64_t begin, end;
    Dwarf_Off unit;
  };

  explicit SourceLines(Dwarf* dwarf) : dwarf_(dwarf) {}
  [[nodiscard]] std::optional<Dwarf_Die> unit_of(std::uint64_t address);
  void index_units();

  std::unique_ptr<Dwarf, EndDwarf> dwarf_;
  bool indexed_ = false;
  std::vector<UnitRange> ranges_;  // ascending; only for units that .debug_aranges leaves out
};

}  // namespace segwhy
