// Any bytes as an ELF header, its segments, and the notes of a core file: nothing of them may be read out of bounds,
// and what is found must lie within what was given.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "elf/core_notes.h"
#include "elf/elf_file.h"
#include "elf/notes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace segwhy;
  if (size == 0) return 0;
  const std::uint64_t alignment = data[0];
  const ByteView bytes(std::as_bytes(std::span(data + 1, size - 1)));
  for (const ElfNote& note : parse_notes(bytes, alignment)) {
    if (note.description.size() > bytes.size() || note.name.size() > bytes.size()) std::abort();
  }
  if (build_id_of(bytes, alignment).size() > 2 * bytes.size()) std::abort();
  const CoreNotes notes = parse_core_notes(bytes, alignment);
  if (notes.threads.size() > bytes.size() || notes.files.size() > bytes.size()) std::abort();
  if (parse_auxv(bytes).size() > bytes.size()) std::abort();
  (void)parse_elf_header(bytes, "fuzz");
  if (parse_segments(bytes).size() > bytes.size()) std::abort();
  return 0;
}
