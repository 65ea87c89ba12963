#include "base/memory_reader.h"

#include <algorithm>
#include <array>

namespace segwhy {

std::optional<std::string> MemoryReader::c_string(TargetAddr from, std::size_t max) {
  std::string out;
  std::array<std::byte, 256> chunk;
  while (out.size() < max) {
    const std::size_t want = std::min(chunk.size(), max - out.size());
    const std::size_t got = read(from + out.size(), std::span(chunk).first(want));
    if (got == 0) return std::nullopt;
    const auto* text = reinterpret_cast<const char*>(chunk.data());
    const auto* end = std::find(text, text + got, '\0');
    out.append(text, end);
    if (end != text + got) return out;
  }
  return std::nullopt;
}

std::optional<std::vector<std::byte>> MemoryReader::bytes(TargetAddr from, std::size_t size, std::size_t max) {
  if (size > max) return std::nullopt;
  std::vector<std::byte> out(size);
  if (!read_exact(from, out)) return std::nullopt;
  return out;
}

}  // namespace segwhy
