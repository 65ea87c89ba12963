#include "diagnose/messages/libraries.h"

#include "base/text.h"

namespace segwhy::text {
namespace {

using Kind = LibraryComplaint::Kind;
using Found = std::optional<LibraryComplaint>;

std::string word(std::string_view text) {
  std::string out(text.substr(0, text.find_first_of(" ,;()\"'\n")));
  while (out.ends_with('.') || out.ends_with(':')) out.pop_back();
  return out;
}

std::string word_after(std::string_view text, std::string_view marker) {
  const auto rest = after(text, marker);
  return rest ? word(*rest) : std::string();
}

LibraryComplaint make(Kind kind, std::string what, std::string first = {}, std::string second = {}) {
  LibraryComplaint found;
  found.kind = kind;
  found.what = std::move(what);
  found.first = std::move(first);
  found.second = std::move(second);
  return found;
}

// --- two copies of one thing -------------------------------------------------------------------------------------

Found protobuf(std::string_view line) {
  if (contains(line, "Protocol Buffer") &&
      contains_any(line, {"not compatible with the installed version", "but the installed version is"})) {
    std::string built = word_after(line, "compiled against version ");
    if (built.empty()) built = word_after(line, "requires version ");
    std::string found = word_after(line, "installed version (");
    if (found.empty()) found = word_after(line, "installed version is ");
    return make(Kind::kConflict, "protobuf", built, found);
  }
  if (contains(line, "File already exists in database: "))
    return make(Kind::kConflict, "protobuf descriptors of " + word_after(line, "in database: "));
  return std::nullopt;
}

Found registered_twice(std::string_view line) {
  if (contains(line, "CommandLine Error: Option '"))
    return make(Kind::kConflict, "LLVM", std::string(between(line, "Option '", "'").value_or("")));
  if (contains(line, "inconsistency in registered CommandLine options")) return make(Kind::kConflict, "LLVM");
  if (contains(line, "was defined more than once (in files"))
    return make(Kind::kConflict, "gflags or abseil flags", std::string(between(line, "flag '", "'").value_or("")));
  return std::nullopt;
}

Found qt(std::string_view line) {
  if (contains(line, "Cannot mix incompatible Qt library"))
    return make(Kind::kConflict, "Qt", word_after(line, "library (version "),
                word_after(line, "this library (version "));
  if (contains(line, "Could not load the Qt platform plugin") && contains(line, "even though it was found"))
    return make(Kind::kConflict, "Qt", std::string(between(line, "\" in \"", "\"").value_or("")));
  return std::nullopt;
}

// "/lib/libstdc++.so.6: version `GLIBCXX_3.4.29' not found (required by /x.so)": the copy loaded first is the older
// one.
Found symbol_version(std::string_view line) {
  const auto version = between(line, "version `", "' not found");
  if (!version) return std::nullopt;
  const bool libc = version->starts_with("GLIBC_");
  LibraryComplaint found = make(libc ? Kind::kAbi : Kind::kConflict, std::string(*version));
  found.requirer = std::string(between(line, "(required by ", ")").value_or(""));
  const auto loader = line.find(": version `");
  const auto start = line.rfind(' ', loader);
  found.second = line.substr(start == std::string_view::npos ? 0 : start + 1,
                             loader - (start == std::string_view::npos ? 0 : start + 1));
  found.first = *version;
  return found;
}

// --- several OpenMP runtimes -------------------------------------------------------------------------------------

Found openmp(std::string_view line) {
  if (!contains(line, "OMP: Error #15")) return std::nullopt;
  return make(Kind::kOpenMp, "OpenMP", word_after(line, "Initializing "), word_after(line, "but found "));
}

// --- built for another version -----------------------------------------------------------------------------------

Found numpy_abi(std::string_view line) {
  if (contains(line, "module compiled against A")) {
    LibraryComplaint found = make(Kind::kAbi, "NumPy", word_after(line, "version "), word_after(line, "numpy is "));
    found.warning_only = false;
    return found;
  }
  if (contains(line, "A module that was compiled using NumPy ")) {
    LibraryComplaint found = make(Kind::kAbi, "NumPy", word_after(line, "compiled using NumPy "),
                                  word_after(line, "cannot be run in NumPy "));
    if (found.second.empty()) found.second = word_after(line, "cannot be run in ");
    found.warning_only = true;
    return found;
  }
  if (contains(line, "size changed, may indicate binary incompatibility")) {
    const auto name = line.substr(0, line.find(" size changed"));
    LibraryComplaint found = make(Kind::kAbi, std::string(name.substr(name.rfind(' ') + 1)),
                                  word_after(line, "Expected "), word_after(line, "got "));
    found.warning_only = contains(line, "Warning");
    return found;
  }
  return std::nullopt;
}

Found other_abi(std::string_view line) {
  if (contains(line, "HDF5 library version mismatched error")) return make(Kind::kAbi, "HDF5");
  if (contains(line, "Python version mismatch: module was compiled for "))
    return make(Kind::kAbi, "Python", word_after(line, "compiled for Python "), word_after(line, "is incompatible: "));
  // Of an AttributeError it is a name looked up with ctypes that the library never had.
  if (contains(line, "undefined symbol: ") && !line.starts_with("AttributeError: ")) {
    LibraryComplaint found = make(Kind::kAbi, word_after(line, "undefined symbol: "));
    const auto object = line.find(".so");
    const auto start = object == std::string_view::npos ? object : line.rfind(' ', object);
    if (object != std::string_view::npos)
      found.requirer = word(line.substr(start == std::string_view::npos ? 0 : start + 1));
    return found;
  }
  if (contains(line, "wrong ELF class") || contains(line, "cannot open shared object file: Exec format"))
    return make(Kind::kAbi, kAnotherArchitecture);
  return std::nullopt;
}

Found cpu(std::string_view line) {
  if (contains(line, "was compiled to use ") && contains(line, "aren't available on your machine"))
    return make(Kind::kCpu, std::string(between(line, "compiled to use ", " instructions").value_or("")));
  if (contains(line, "Fatal glibc error: CPU does not support "))
    return make(Kind::kCpu, word_after(line, "CPU does not support "));
  if (contains(line, "baseline optimizations") && contains(line, "your machine doesn't support"))
    return make(Kind::kCpu, std::string(between(line, "doesn't support: (", ")").value_or("")));
  return std::nullopt;
}

}  // namespace

Found read_library_complaint(std::string_view line) {
  for (const auto parser : {protobuf, registered_twice, qt, symbol_version, openmp, numpy_abi, other_abi, cpu}) {
    if (auto found = parser(line)) {
      found->text = trim(line);
      return found;
    }
  }
  return std::nullopt;
}

Found find_library_complaint(const Lines& lines) {
  Found warning;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    auto found = read_library_complaint(*line);
    if (found && !found->warning_only) return found;
    if (found && !warning) warning = std::move(found);
  }
  return warning;
}

}  // namespace segwhy::text
