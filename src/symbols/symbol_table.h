// Which symbols contain given addresses: one pass over a symbol table for all of them.
//
// The tables of the large frameworks have a million entries and are not ordered; sorting them costs more than a
// capture has time for, so the (few) wanted addresses are what is searched. Pure but for the image's pages.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "dwarf/elf_image.h"

namespace segwhy {

struct SymbolHit {
  std::string_view name;  // into the image, which must outlive it
  std::uint64_t value = 0;
  std::uint64_t size = 0;  // 0: a label; the address lies behind it in the same section
};

enum class SymbolKinds { kCode, kAny };

// A symbol table with its strings, .symtab or .dynsym.
struct SymbolTable {
  ByteSpan symbols, strings;

  [[nodiscard]] std::size_t size() const { return symbols.size() / sizeof(Elf64_Sym); }
  [[nodiscard]] Elf64_Sym entry(std::size_t i) const { return table_entry<Elf64_Sym>(symbols, i); }
};

// .symtab when the object has one (it contains the others), else .dynsym, else what the dynamic section names.
[[nodiscard]] SymbolTable symbol_table(const ElfImage& image);
// .dynsym alone, also without section headers; empty when there is none.
[[nodiscard]] SymbolTable dynamic_symbol_table(const ElfImage& image);

// For each of `addresses` (link-time, ascending) the best symbol. The innermost that contains it; of several at one
// place a global before a local one, and a plain name before a reserved (underscored) one. `image` supplies the
// sections.
[[nodiscard]] std::vector<std::optional<SymbolHit>> symbols_at(const SymbolTable& table, const ElfImage& image,
                                                               std::span<const std::uint64_t> addresses,
                                                               SymbolKinds kinds);

// The link-time address of a defined symbol by name, by reading the whole table: for local symbols.
[[nodiscard]] std::optional<std::uint64_t> symbol_address(const SymbolTable& table, std::string_view name);

}  // namespace segwhy
