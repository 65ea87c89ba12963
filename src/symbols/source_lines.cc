#include "symbols/source_lines.h"

#include <dwarf.h>

#include <algorithm>

namespace segwhy {
namespace {

// libdw inflates every compressed debug section at once when it opens a file, at about 8 ms per MiB: this admits
// Debian's libc6-dbg and no framework.
constexpr std::uint64_t kMaxCompressed = std::uint64_t{6} << 20;
constexpr std::size_t kMaxUnits = 100'000;
constexpr std::size_t kMaxScopeDepth = 256;

std::string text_of(const char* text) {
  return text == nullptr ? std::string() : std::string(text);
}

std::string attribute_text(Dwarf_Die* die, unsigned name) {
  Dwarf_Attribute attribute;
  return text_of(dwarf_formstring(dwarf_attr_integrate(die, name, &attribute)));
}

std::optional<Dwarf_Word> attribute_number(Dwarf_Die* die, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (dwarf_formudata(dwarf_attr(die, name, &attribute), &value) != 0) return std::nullopt;
  return value;
}

std::string function_name(Dwarf_Die* die) {
  std::string linkage = attribute_text(die, DW_AT_linkage_name);
  if (linkage.empty()) linkage = attribute_text(die, DW_AT_MIPS_linkage_name);
  return linkage.empty() ? attribute_text(die, DW_AT_name) : linkage;
}

bool may_hold_code(int tag) {
  switch (tag) {
    case DW_TAG_subprogram:
    case DW_TAG_inlined_subroutine:
    case DW_TAG_lexical_block:
    case DW_TAG_try_block:
    case DW_TAG_catch_block:
    case DW_TAG_namespace:
    case DW_TAG_module:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
      return true;
    default:
      return false;
  }
}

// Tags whose own entries have no addresses although their children may.
bool is_container(int tag) {
  return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_class_type || tag == DW_TAG_structure_type;
}

// Extends `chain` by the scopes below `parent` that contain `address`, outermost first. The entries as they lie in the
// function, not their abstract originals: only those carry the call site of an inlined function.
bool descend(Dwarf_Die parent, Dwarf_Addr address, std::vector<Dwarf_Die>& chain) {
  if (chain.size() >= kMaxScopeDepth) return false;
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) return false;
  do {
    const int tag = dwarf_tag(&child);
    if (!may_hold_code(tag)) continue;
    const bool container = is_container(tag);
    if (!container && dwarf_haspc(&child, address) != 1) continue;
    chain.push_back(child);
    const bool deeper = descend(child, address, chain);
    if (!container || deeper) return true;
    chain.pop_back();
  } while (dwarf_siblingof(&child, &child) == 0);
  return false;
}

void set_place(SourceFrame& frame, Dwarf_Die* unit, Dwarf_Addr address) {
  Dwarf_Line* line = dwarf_getsrc_die(unit, address);
  if (line == nullptr) return;
  int number = 0;
  if (dwarf_lineno(line, &number) == 0 && number > 0) frame.line = number;
  frame.file = text_of(dwarf_linesrc(line, nullptr, nullptr));
}

void set_call_place(SourceFrame& frame, Dwarf_Die* unit, Dwarf_Die* inlined) {
  if (const auto line = attribute_number(inlined, DW_AT_call_line); line && *line > 0)
    frame.line = static_cast<int>(*line);
  Dwarf_Files* files = nullptr;
  std::size_t count = 0;
  const auto file = attribute_number(inlined, DW_AT_call_file);
  if (file && dwarf_getsrcfiles(unit, &files, &count) == 0 && *file < count) {
    frame.file = text_of(dwarf_filesrc(files, *file, nullptr, nullptr));
  }
}

// One frame per function in the chain, innermost first: each one's place is where the next inner one was called.
std::vector<SourceFrame> frames_of(Dwarf_Die unit, std::vector<Dwarf_Die> chain, Dwarf_Addr address) {
  std::vector<SourceFrame> frames;
  SourceFrame frame;
  set_place(frame, &unit, address);
  std::reverse(chain.begin(), chain.end());
  for (Dwarf_Die& scope : chain) {
    const int tag = dwarf_tag(&scope);
    if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine) continue;
    frame.function = function_name(&scope);
    frame.inlined = tag == DW_TAG_inlined_subroutine;
    frames.push_back(frame);
    if (!frame.inlined) return frames;
    frame = {};
    set_call_place(frame, &unit, &scope);
  }
  if (!frame.file.empty()) frames.push_back(frame);  // a line without a function: assembly with debug information
  return frames;
}

}  // namespace

std::optional<SourceLines> SourceLines::open(const ElfImage& image) {
  bool has_info = false;
  std::uint64_t compressed = 0;
  for (const Elf64_Shdr& s : image.sections()) {
    const std::string_view name = image.section_name(s);
    if (name == ".debug_info" || name == ".zdebug_info") has_info = s.sh_type != SHT_NOBITS;
    if ((s.sh_flags & SHF_COMPRESSED) != 0 || name.starts_with(".zdebug")) compressed += s.sh_size;
  }
  if (!has_info || compressed > kMaxCompressed) return std::nullopt;
  Dwarf* dwarf = dwarf_begin_elf(image.elf(), DWARF_C_READ, nullptr);
  if (dwarf == nullptr) return std::nullopt;
  return SourceLines(dwarf);
}

void SourceLines::index_units() {
  indexed_ = true;
  Dwarf_CU* unit = nullptr;
  Dwarf_Die die;
  for (std::size_t i = 0;
       i < kMaxUnits && dwarf_get_units(dwarf_.get(), unit, &unit, nullptr, nullptr, &die, nullptr) == 0; ++i) {
    Dwarf_Addr base = 0;
    Dwarf_Addr begin = 0;
    Dwarf_Addr end = 0;
    for (std::ptrdiff_t at = 0; (at = dwarf_ranges(&die, at, &base, &begin, &end)) > 0;) {
      if (begin < end) ranges_.push_back({begin, end, dwarf_dieoffset(&die)});
    }
  }
  std::sort(ranges_.begin(), ranges_.end(), [](const UnitRange& a, const UnitRange& b) { return a.begin < b.begin; });
}

std::optional<Dwarf_Die> SourceLines::unit_of(std::uint64_t address) {
  Dwarf_Die die;
  if (dwarf_addrdie(dwarf_.get(), address, &die) != nullptr) return die;
  if (!indexed_) index_units();  // clang leaves .debug_aranges out
  auto after = std::upper_bound(ranges_.begin(), ranges_.end(), address,
                                [](std::uint64_t a, const UnitRange& r) { return a < r.begin; });
  if (after == ranges_.begin() || address >= std::prev(after)->end) return std::nullopt;
  if (dwarf_offdie(dwarf_.get(), std::prev(after)->unit, &die) == nullptr) return std::nullopt;
  return die;
}

std::vector<SourceFrame> SourceLines::at(std::uint64_t link_address) {
  auto unit = unit_of(link_address);
  if (!unit) return {};
  std::vector<Dwarf_Die> chain;
  (void)descend(*unit, link_address, chain);
  return frames_of(*unit, std::move(chain), link_address);
}

}  // namespace segwhy
