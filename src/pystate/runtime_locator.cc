#include "pystate/runtime_locator.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "dwarf/elf_image.h"
#include "dwarf/mapped_object.h"
#include "pystate/layout.h"
#include "symbols/dynamic_symbols.h"
#include "symbols/symbol_table.h"

namespace segwhy::pystate {
namespace {

// Writable data that is searched for the version: CPython's is well below; an embedding program's may be huge.
constexpr std::uint64_t kMaxDataSearched = std::uint64_t{32} << 20;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Length of "3.8.18", "3.14.0rc2" or "3.9.1+" at the start of `text`, 0 when it is none.
std::size_t version_length(std::string_view text) {
  if (!text.starts_with("3.")) return 0;
  std::size_t at = 2;
  const auto digits = [&] {
    const std::size_t from = at;
    while (at < text.size() && is_digit(text[at]) && at - from < 3) ++at;
    return at > from;
  };
  if (!digits() || at >= text.size() || text[at] != '.') return 0;
  ++at;
  if (!digits()) return 0;
  while (at < text.size() && (text[at] == 'a' || text[at] == 'b' || text[at] == 'r' || text[at] == 'c')) ++at;
  digits();
  if (at < text.size() && text[at] == '+') ++at;
  return at;
}

std::optional<int> minor_of(std::string_view version) {
  const auto parts = split(version, '.');
  if (parts.size() < 2) return std::nullopt;
  const auto minor = parse_number(parts[1]);
  if (!minor || *minor > 99) return std::nullopt;
  return static_cast<int>(*minor);
}

// The order in which objects are asked for _PyRuntime. The program first: its definition wins over a library's.
enum Rank { kProgram, kLibPython, kNamedPython, kOther };

Rank rank(const MappedObject& object, const std::string& executable) {
  const std::string_view name = base_name(object.path);
  if (object.path == executable) return kProgram;
  if (name.starts_with("libpython")) return kLibPython;
  return name.find("python") != std::string_view::npos ? kNamedPython : kOther;
}

std::vector<MappedObject> candidates(const Snapshot& snapshot) {
  std::vector<MappedObject> objects = mapped_objects(snapshot);
  std::stable_sort(objects.begin(), objects.end(), [&](const MappedObject& a, const MappedObject& b) {
    return rank(a, snapshot.executable) < rank(b, snapshot.executable);
  });
  return objects;
}

// `thorough`: also where nothing is exported. Reads the whole symbol table, which in a large library takes long.
std::optional<std::uint64_t> runtime_in(const ElfImage& image, bool thorough) {
  if (const auto symbol = DynamicSymbols(image).find("_PyRuntime")) return symbol->st_value;
  if (const Elf64_Shdr* section = image.section(".PyRuntime")) return section->sh_addr;
  return thorough ? symbol_address(symbol_table(image), "_PyRuntime") : std::nullopt;
}

// The text of Py_GetVersion() is in the object's zero-initialised data once the interpreter has started.
std::string version_in_data(const ElfImage& image, MemoryReader& memory) {
  for (const Elf64_Phdr& segment : image.segments()) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) == 0) continue;
    std::vector<std::byte> data(std::min<std::uint64_t>(segment.p_memsz, kMaxDataSearched));
    data.resize(memory.read(TargetAddr(image.bias() + segment.p_vaddr), data));
    std::string found = find_version_banner({reinterpret_cast<const char*>(data.data()), data.size()});
    if (!found.empty()) return found;
  }
  return {};
}

std::string version_of(const ElfImage& image, MemoryReader& memory, const PythonRuntime& runtime) {
  if (const auto symbol = DynamicSymbols(image).find("Py_Version"))  // since 3.11
    if (const auto hex = memory.value<std::uint32_t>(TargetAddr(image.bias() + symbol->st_value)))
      return version_text(*hex);
  if (std::string found = version_in_data(image, memory); !found.empty()) return found;
  return version_in_file_name(runtime.module);
}

std::optional<PythonRuntime> runtime_of(const ElfImage& image, const MappedObject& object, const Snapshot& snapshot) {
  MemoryReader& memory = *snapshot.memory;
  const auto address = runtime_in(image, rank(object, snapshot.executable) != kOther);
  if (!address) return std::nullopt;
  PythonRuntime runtime;
  runtime.module = object.path;
  runtime.address = TargetAddr(image.bias() + *address);
  if (const auto header = read_debug_offsets_header(memory, runtime.address)) {
    runtime.version = version_text(header->version_hex);
    runtime.free_threaded = header->free_threaded;
  } else {
    runtime.version = version_of(image, memory, runtime);
  }
  const auto minor = minor_of(runtime.version);
  if (!minor) return std::nullopt;
  runtime.minor = *minor;
  return runtime;
}

}  // namespace

std::string version_text(std::uint32_t version_hex) {
  const std::uint32_t major = version_hex >> 24, minor = (version_hex >> 16) & 0xFF, micro = (version_hex >> 8) & 0xFF;
  if (major != 3) return {};
  std::string text = "3." + std::to_string(minor) + "." + std::to_string(micro);
  const std::string serial = std::to_string(version_hex & 0xF);
  switch ((version_hex >> 4) & 0xF) {
    case 0xA:
      return text + "a" + serial;
    case 0xB:
      return text + "b" + serial;
    case 0xC:
      return text + "rc" + serial;
    case 0xF:
      return text;
    default:
      return {};
  }
}

std::string find_version_banner(std::string_view bytes) {
  for (std::size_t at = bytes.find("3."); at != std::string_view::npos; at = bytes.find("3.", at + 1)) {
    if (at > 0 && bytes[at - 1] != '\0') continue;
    const std::string_view text = bytes.substr(at);
    const std::size_t length = version_length(text);
    if (length != 0 && text.substr(length).starts_with(" (")) return std::string(text.substr(0, length));
  }
  return {};
}

std::string version_in_file_name(std::string_view path) {
  const std::string_view name = base_name(path);
  constexpr std::string_view kPython = "python3.";
  const auto at = name.find(kPython);
  if (at == std::string_view::npos) return {};
  std::string_view digits = name.substr(at + kPython.size());
  digits = digits.substr(0, std::min(digits.size(), digits.find_first_not_of("0123456789")));
  return digits.empty() ? std::string() : "3." + std::string(digits);
}

Result<PythonRuntime> locate_runtime(const Snapshot& snapshot) {
  for (const MappedObject& object : candidates(snapshot)) {
    const auto image = ElfImage::open(snapshot, object);
    if (!image) continue;
    if (auto runtime = runtime_of(*image, object, snapshot)) return *std::move(runtime);
  }
  return fail("no Python 3 interpreter is mapped in process " + std::to_string(snapshot.pid));
}

}  // namespace segwhy::pystate
