// DynamicSymbols: the exported symbols of an object, by name, through its GNU hash table: no scan. Also the way to a
// symbol table when there are no section headers. The image must outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "dwarf/elf_image.h"
#include "symbols/symbol_table.h"

namespace segwhy {

class DynamicSymbols {
 public:
  explicit DynamicSymbols(const ElfImage& image);

  // A symbol the object defines and exports.
  [[nodiscard]] std::optional<Elf64_Sym> find(std::string_view name) const;
  [[nodiscard]] bool defines(std::string_view name) const { return find(name).has_value(); }

  // The exported part as far as the hash table tells its length; undefined symbols (imports) come before.
  [[nodiscard]] SymbolTable table() const;
  // Names of exported and imported symbols, one after the other.
  [[nodiscard]] std::string_view strings() const;

 private:
  struct HashTable {  // DT_GNU_HASH
    std::uint32_t bucket_count = 0, first_symbol = 0, bloom_words = 0, bloom_shift = 0;
    ByteSpan bloom, buckets, chains;
  };
  [[nodiscard]] bool may_contain(std::uint32_t hash) const;

  ByteSpan symbols_;  // from the table's begin to the end of its segment
  ByteSpan strings_;
  HashTable hash_;
};

}  // namespace segwhy
