#include "pystate/layout.h"

#include <cstring>
#include <span>
#include <string>

namespace segwhy::pystate {
namespace {

constexpr wire::PythonVersionLayout kVersions[] = {
#include "pystate/offsets_table.inc"
};

// The largest structure, PyInterpreterState, has some 400 KB.
constexpr std::uint64_t kMaxOffset = std::uint64_t{4} << 20;

const wire::PythonVersionLayout* find_version(int minor) {
  for (const wire::PythonVersionLayout& v : kVersions)
    if (v.minor == minor) return &v;
  return nullptr;
}

// _Py_DebugOffsets counts the members of the main interpreter's own GIL from the interpreter's state; other
// interpreters may share that GIL through a pointer, so they are wanted from its beginning.
Status count_from_gil(Layout& layout) {
  const std::uint64_t gil = layout[Field::kInterpreterOwnGil];
  for (const Field f : {Field::kGilLocked, Field::kGilLastHolder}) {
    if (layout[f] < gil) return fail("the interpreter's description of its lock makes no sense");
    layout.set(f, static_cast<std::uint32_t>(layout[f] - gil));
  }
  return {};
}

}  // namespace

std::optional<DebugOffsetsHeader> read_debug_offsets_header(MemoryReader& memory, TargetAddr runtime) {
  struct Head {
    std::array<char, 8> cookie;
    std::uint64_t version, free_threaded;
  };
  const auto head = memory.value<Head>(runtime);
  if (!head || std::memcmp(head->cookie.data(), wire::kPythonDebugCookie, head->cookie.size()) != 0)
    return std::nullopt;
  return DebugOffsetsHeader{static_cast<std::uint32_t>(head->version), head->free_threaded != 0};
}

Result<Layout> layout_of(int minor, MemoryReader& memory, TargetAddr runtime) {
  const wire::PythonVersionLayout* version = find_version(minor);
  if (version == nullptr) {
    return fail("the state of CPython 3." + std::to_string(minor) + " cannot be read",
                "supported are 3." + std::to_string(kOldestMinor) + " to 3." + std::to_string(kNewestMinor));
  }
  Layout layout;
  layout.minor = minor;
  for (const wire::PythonFieldOffset& row : version->members.rows)
    if (row.field != Field::kCount) layout.set(row.field, row.offset);
  for (const wire::PythonFieldOffset& row : version->described.rows) {
    if (row.field == Field::kCount) continue;
    const auto offset = memory.value<std::uint64_t>(runtime + row.offset);
    if (!offset || *offset > kMaxOffset) return fail("the interpreter's description of itself makes no sense");
    layout.set(row.field, static_cast<std::uint32_t>(*offset));
  }
  if (minor >= kSelfDescribingMinor)
    if (const Status ok = count_from_gil(layout); !ok) return tl::unexpected(ok.error());
  return layout;
}

}  // namespace segwhy::pystate
