#include "elf/notes.h"

#include <elf.h>

namespace segwhy {

std::vector<ElfNote> parse_notes(ByteView bytes, std::uint64_t alignment) {
  const std::uint64_t unit = alignment == 8 ? 8 : 4;
  const auto aligned = [unit](std::uint64_t n) { return (n + unit - 1) / unit * unit; };
  std::vector<ElfNote> notes;
  std::uint64_t at = 0;
  while (const auto header = bytes.at<Elf64_Nhdr>(at)) {
    // 32-bit sizes: these sums cannot wrap in 64 bits.
    const std::uint64_t name_at = at + sizeof(Elf64_Nhdr);
    const std::uint64_t description_at = aligned(name_at + header->n_namesz);
    const auto name = bytes.field(name_at, header->n_namesz);
    const auto description = bytes.slice(description_at, header->n_descsz);
    if (!name || !description) break;
    notes.push_back({*name, header->n_type, *description});
    at = aligned(description_at + header->n_descsz);
  }
  return notes;
}

std::string build_id_of(ByteView notes, std::uint64_t alignment) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const ElfNote& note : parse_notes(notes, alignment)) {
    if (note.name != "GNU" || note.type != NT_GNU_BUILD_ID) continue;
    std::string text;
    for (const std::byte b : note.description.span()) {
      text += kDigits[std::to_integer<unsigned>(b) >> 4];
      text += kDigits[std::to_integer<unsigned>(b) & 15];
    }
    return text;
  }
  return {};
}

}  // namespace segwhy
