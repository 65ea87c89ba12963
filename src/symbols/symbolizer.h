// Names for addresses: module, function, file:line, inlined functions; and facts about the loaded modules.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"

namespace segwhy {

struct CodeAddress {
  TargetAddr pc;
  bool is_return_address = false;  // look up pc - 1
};

struct Symbol {
  std::string module;  // path
  std::string name;    // raw
  std::string demangled;
  std::uint64_t offset = 0;  // of the address in the symbol
};

// Symbolises one snapshot's addresses. Not thread-safe; the snapshot must outlive it.
class Symbolizer {
 public:
  static Result<Symbolizer> open(const Snapshot& snapshot);
  Symbolizer(Symbolizer&&) noexcept;
  Symbolizer& operator=(Symbolizer&&) noexcept;
  ~Symbolizer();

  // For each address its frames: inlined ones first (innermost first), then the function itself; at least one frame
  // each. Batch: all addresses of a capture in one call, because each module's symbol table is scanned once per call.
  [[nodiscard]] std::vector<std::vector<NativeFrame>> resolve(const std::vector<CodeAddress>& addresses);

  // The symbol at or before a data or code address; nullopt outside every symbol. Slow for large modules (a table
  // scan).
  [[nodiscard]] std::optional<Symbol> symbol_at(TargetAddr address);

  // Address of an exported (or, failing that, local) symbol in the first module that defines it; `module_part` narrows
  // by a substring of the path.
  [[nodiscard]] std::optional<TargetAddr> find(const std::string& symbol, const std::string& module_part = {});

  // The mapped ELF objects with build-id, soname, DT_NEEDED, owning Python distribution and markers (module_facts.h).
  [[nodiscard]] std::vector<Module> modules();

 private:
  struct Impl;
  explicit Symbolizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// For reading: "tensorflow::functor::SparseCount<...>::Compute" from the full demangled name. Pure.
[[nodiscard]] std::string shorten_function_name(const std::string& demangled);

}  // namespace segwhy
