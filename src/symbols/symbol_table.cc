#include "symbols/symbol_table.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <tuple>

#include "symbols/dynamic_symbols.h"

namespace segwhy {
namespace {

bool wanted_kind(const Elf64_Sym& symbol, SymbolKinds kinds) {
  if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx == SHN_ABS || symbol.st_name == 0) return false;
  switch (ELF64_ST_TYPE(symbol.st_info)) {
    case STT_FUNC:
    case STT_GNU_IFUNC:
    case STT_NOTYPE:  // assembly
      return true;
    case STT_OBJECT:
      return kinds == SymbolKinds::kAny;
    default:
      return false;
  }
}

// Of two symbols that contain an address. Larger is better.
auto rank(const Elf64_Sym& symbol, std::string_view name) {
  const auto binding = ELF64_ST_BIND(symbol.st_info);
  const bool typed = ELF64_ST_TYPE(symbol.st_info) != STT_NOTYPE;
  const auto reserved = std::min(name.find_first_not_of('_'), name.size());
  return std::tuple(symbol.st_size != 0, symbol.st_value, typed,
                    binding == STB_GLOBAL  ? 2
                    : binding == STB_LOCAL ? 0
                                           : 1,
                    -static_cast<std::int64_t>(reserved), -static_cast<std::int64_t>(name.size()));
}

// Collects the best symbol for each wanted address.
class Matcher {
 public:
  Matcher(const SymbolTable& table, const ElfImage& image, std::span<const std::uint64_t> addresses)
      : table_(table), image_(image), addresses_(addresses), best_(addresses.size()) {}

  void offer(const Elf64_Sym& symbol, SymbolKinds kinds) {
    if (kinds == SymbolKinds::kCode && is_data_label(symbol)) return;
    // A label without size reaches to the end of its section.
    std::uint64_t size = symbol.st_size;
    if (size == 0) {
      const Elf64_Shdr* section = section_of(symbol);
      if (section == nullptr || symbol.st_value < section->sh_addr) return;
      size = section->sh_addr + section->sh_size - symbol.st_value;
    }
    auto it = std::lower_bound(addresses_.begin(), addresses_.end(), symbol.st_value);
    for (; it != addresses_.end() && *it - symbol.st_value < size; ++it) {
      replace_if_better(best_[static_cast<std::size_t>(it - addresses_.begin())], symbol);
    }
  }

  [[nodiscard]] std::vector<std::optional<SymbolHit>> take() {
    std::vector<std::optional<SymbolHit>> out(best_.size());
    for (std::size_t i = 0; i < best_.size(); ++i) {
      if (best_[i])
        out[i] = SymbolHit{string_at(table_.strings, best_[i]->st_name), best_[i]->st_value, best_[i]->st_size};
    }
    return out;
  }

 private:
  [[nodiscard]] const Elf64_Shdr* section_of(const Elf64_Sym& symbol) const {
    const auto& sections = image_.sections();
    return symbol.st_shndx < sections.size() ? &sections[symbol.st_shndx] : nullptr;
  }

  // Symbols without a type are labels of assembly, and of the linker (__data_start).
  [[nodiscard]] bool is_data_label(const Elf64_Sym& symbol) const {
    if (ELF64_ST_TYPE(symbol.st_info) != STT_NOTYPE) return false;
    const Elf64_Shdr* section = section_of(symbol);
    return section != nullptr && (section->sh_flags & SHF_EXECINSTR) == 0;
  }

  void replace_if_better(std::optional<Elf64_Sym>& best, const Elf64_Sym& symbol) const {
    const std::string_view name = string_at(table_.strings, symbol.st_name);
    if (name.empty()) return;
    if (!best || rank(*best, string_at(table_.strings, best->st_name)) < rank(symbol, name)) best = symbol;
  }

  const SymbolTable& table_;
  const ElfImage& image_;
  std::span<const std::uint64_t> addresses_;
  std::vector<std::optional<Elf64_Sym>> best_;
};

SymbolTable table_of(const ElfImage& image, std::uint32_t type) {
  for (const Elf64_Shdr& s : image.sections()) {
    if (s.sh_type != type || s.sh_link >= image.sections().size()) continue;
    return {image.contents(s), image.contents(image.sections()[s.sh_link])};
  }
  return {};
}

}  // namespace

SymbolTable dynamic_symbol_table(const ElfImage& image) {
  SymbolTable by_section = table_of(image, SHT_DYNSYM);
  return by_section.size() != 0 ? by_section : DynamicSymbols(image).table();
}

SymbolTable symbol_table(const ElfImage& image) {
  SymbolTable whole = table_of(image, SHT_SYMTAB);
  return whole.size() != 0 ? whole : dynamic_symbol_table(image);
}

std::vector<std::optional<SymbolHit>> symbols_at(const SymbolTable& table, const ElfImage& image,
                                                 std::span<const std::uint64_t> addresses, SymbolKinds kinds) {
  Matcher matcher(table, image, addresses);
  if (addresses.empty()) return matcher.take();
  const std::uint64_t first = addresses.front();
  const std::uint64_t last = addresses.back();
  const std::size_t count = table.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Elf64_Sym symbol = table.entry(i);
    // Most entries go by these two comparisons.
    if (symbol.st_value > last || (symbol.st_size != 0 && symbol.st_value + symbol.st_size <= first)) continue;
    if (wanted_kind(symbol, kinds)) matcher.offer(symbol, kinds);
  }
  return matcher.take();
}

std::optional<std::uint64_t> symbol_address(const SymbolTable& table, std::string_view name) {
  // The strings first: most tables do not have the name, and memmem is faster than a walk through the entries.
  const std::string terminated(name);
  const std::size_t size = terminated.size() + 1;
  if (name.empty() || table.strings.empty()) return std::nullopt;
  if (::memmem(table.strings.data(), table.strings.size(), terminated.c_str(), size) == nullptr) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < table.size(); ++i) {
    const Elf64_Sym symbol = table.entry(i);
    if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbol.st_info) == STT_TLS) continue;
    if (string_at(table.strings, symbol.st_name) == name) return symbol.st_value;
  }
  return std::nullopt;
}

}  // namespace segwhy
