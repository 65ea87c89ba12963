// Layout: where one version of CPython keeps what is read of it, as byte offsets into its structures.
//
// Comes from offsets_table.inc, generated from each version's own headers (tools/pyoffsets); from 3.13 on, from
// _Py_DebugOffsets, with which the interpreter describes itself, and the table says only where in there to look.
// Plain value. A field that a version does not have is absent: see has().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/memory_reader.h"
#include "base/result.h"
#include "evidence/wire/python_layout.h"

namespace segwhy::pystate {

// The fields that a table of layouts can hold, kCount of them.
using Field = wire::PythonField;

class Layout {
 public:
  int minor = 0;  // of CPython 3.minor

  [[nodiscard]] bool has(Field f) const { return at(f) != kAbsent; }
  // Meaningful only for a field that this version has.
  [[nodiscard]] std::uint64_t operator[](Field f) const { return at(f); }
  void set(Field f, std::uint32_t offset) { offsets_.at(static_cast<std::size_t>(f)) = offset; }
  void remove(Field f) { set(f, kAbsent); }

  Layout() { offsets_.fill(kAbsent); }

 private:
  static constexpr std::uint32_t kAbsent = 0xFFFFFFFF;
  [[nodiscard]] std::uint32_t at(Field f) const { return offsets_[static_cast<std::size_t>(f)]; }

  std::array<std::uint32_t, static_cast<std::size_t>(Field::kCount)> offsets_{};
};

inline constexpr int kOldestMinor = 8, kNewestMinor = 14;
// From this version on, _PyRuntime begins with _Py_DebugOffsets.
inline constexpr int kSelfDescribingMinor = wire::kPythonSelfDescribingMinor;

// What _Py_DebugOffsets begins with, when there is one at `runtime`.
struct DebugOffsetsHeader {
  std::uint32_t version_hex = 0;  // PY_VERSION_HEX
  bool free_threaded = false;
};
[[nodiscard]] std::optional<DebugOffsetsHeader> read_debug_offsets_header(MemoryReader& memory, TargetAddr runtime);

// The layout of CPython 3.`minor`, whose _PyRuntime is at `runtime`. An error when that version is not supported or
// what it says of itself makes no sense.
[[nodiscard]] Result<Layout> layout_of(int minor, MemoryReader& memory, TargetAddr runtime);

}  // namespace segwhy::pystate
