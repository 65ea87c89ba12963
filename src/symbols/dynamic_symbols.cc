#include "symbols/dynamic_symbols.h"

#include <algorithm>

namespace segwhy {
namespace {

std::uint32_t gnu_hash(std::string_view name) {
  std::uint32_t h = 5381;
  for (const char c : name) h = h * 33 + static_cast<unsigned char>(c);
  return h;
}

}  // namespace

DynamicSymbols::DynamicSymbols(const ElfImage& image) {
  const DynamicInfo info = image.dynamic();
  if (info.symbols == 0 || info.gnu_hash == 0) return;
  symbols_ = image.from_address(info.symbols);
  strings_ = image.at_address(info.strings, info.strings_size);
  const ByteSpan hash = image.from_address(info.gnu_hash);
  constexpr std::size_t kHeader = 4 * sizeof(std::uint32_t);
  if (hash.size() < kHeader) return;

  HashTable table;
  table.bucket_count = table_entry<std::uint32_t>(hash, 0);
  table.first_symbol = table_entry<std::uint32_t>(hash, 1);
  table.bloom_words = table_entry<std::uint32_t>(hash, 2);
  table.bloom_shift = table_entry<std::uint32_t>(hash, 3) & 31U;
  const std::uint64_t bloom_bytes = std::uint64_t{table.bloom_words} * 8;
  const std::uint64_t bucket_bytes = std::uint64_t{table.bucket_count} * 4;
  if (table.bucket_count == 0 || table.bloom_words == 0 || kHeader + bloom_bytes + bucket_bytes > hash.size()) return;
  table.bloom = hash.subspan(kHeader, bloom_bytes);
  table.buckets = hash.subspan(kHeader + bloom_bytes, bucket_bytes);
  table.chains = hash.subspan(kHeader + bloom_bytes + bucket_bytes);
  hash_ = table;
}

bool DynamicSymbols::may_contain(std::uint32_t hash) const {
  const auto word = table_entry<std::uint64_t>(hash_.bloom, (hash / 64) % hash_.bloom_words);
  const std::uint64_t bits =
      (std::uint64_t{1} << (hash % 64)) | (std::uint64_t{1} << ((hash >> hash_.bloom_shift) % 64));
  return (word & bits) == bits;
}

std::optional<Elf64_Sym> DynamicSymbols::find(std::string_view name) const {
  if (hash_.bucket_count == 0) return std::nullopt;
  const std::uint32_t hash = gnu_hash(name);
  if (!may_contain(hash)) return std::nullopt;
  std::size_t i = table_entry<std::uint32_t>(hash_.buckets, hash % hash_.bucket_count);
  if (i < hash_.first_symbol) return std::nullopt;  // empty bucket
  const std::size_t chain_count = hash_.chains.size() / 4;
  const std::size_t symbol_count = symbols_.size() / sizeof(Elf64_Sym);
  for (; i - hash_.first_symbol < chain_count && i < symbol_count; ++i) {
    const auto link = table_entry<std::uint32_t>(hash_.chains, i - hash_.first_symbol);
    if ((link | 1U) == (hash | 1U)) {
      const auto symbol = table_entry<Elf64_Sym>(symbols_, i);
      if (symbol.st_shndx != SHN_UNDEF && string_at(strings_, symbol.st_name) == name) return symbol;
    }
    if ((link & 1U) != 0) break;  // end of the chain
  }
  return std::nullopt;
}

SymbolTable DynamicSymbols::table() const {
  if (hash_.bucket_count == 0) return {};
  std::size_t last = 0;
  for (std::size_t b = 0; b < hash_.bucket_count; ++b) {
    last = std::max<std::size_t>(last, table_entry<std::uint32_t>(hash_.buckets, b));
  }
  if (last < hash_.first_symbol) return {};
  const std::size_t chain_count = hash_.chains.size() / 4;
  while (last - hash_.first_symbol < chain_count &&
         (table_entry<std::uint32_t>(hash_.chains, last - hash_.first_symbol) & 1U) == 0) {
    ++last;
  }
  const std::size_t count = std::min(last + 1, symbols_.size() / sizeof(Elf64_Sym));
  return {symbols_.first(count * sizeof(Elf64_Sym)), strings_};
}

std::string_view DynamicSymbols::strings() const {
  return {reinterpret_cast<const char*>(strings_.data()), strings_.size()};
}

}  // namespace segwhy
