// The NodeTable (evidence/wire/nodes.h) of a stopped process: where the nodes of its graphs were created.
//
// Written by the process, so nothing in it is trusted: numbers and positions are checked where they are used, sizes are
// bounded, and a table that makes no sense is none. Read once; the code objects, of which few are asked for, later.
// Borrows the snapshot; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/model/snapshot.h"
#include "evidence/wire/nodes.h"
#include "pystate/line_table.h"

namespace segwhy::tensorflow {

// A line of Python source code.
struct CodeLine {
  std::string file, function;
  int line = 0;

  friend bool operator==(const CodeLine&, const CodeLine&) = default;
};

class NodeTable {
 public:
  // nullopt: the process has none, or what is there is no NodeTable.
  static std::optional<NodeTable> find(const Snapshot& snapshot);
  // The same, with the table at `address`.
  static std::optional<NodeTable> read(const Snapshot& snapshot, std::uint64_t address);

  [[nodiscard]] const std::vector<wire::NodeRecord>& nodes() const { return nodes_; }
  [[nodiscard]] const std::vector<wire::FunctionRecord>& functions() const { return functions_; }
  [[nodiscard]] const std::vector<wire::CallRecord>& calls() const { return calls_; }
  [[nodiscard]] const std::vector<wire::RunningGraph>& running() const { return running_; }  // those in use

  // The files that AutoGraph wrote and of which the table has lines. The views are valid as long as the table.
  [[nodiscard]] std::set<std::string_view> generated_files() const;
  // A line of generated code as its author wrote it, any other as it is. nullopt when that is not known.
  [[nodiscard]] std::optional<CodeLine> written_line(CodeLine line) const;

  // Empty for a position that is none.
  [[nodiscard]] std::string_view text(std::uint32_t position) const;

  // The line that `node` was created on, in the source that its author wrote: lines of generated code are mapped back.
  // nullopt when that is not known.
  [[nodiscard]] std::optional<CodeLine> line_of(const wire::NodeRecord& node) const;

 private:
  struct Code {
    std::string file, function;
    int first_line = 0;
    std::vector<std::byte> line_table;
  };

  NodeTable(const Snapshot& snapshot, std::uint64_t address) : memory_(snapshot.memory), address_(address) {}
  [[nodiscard]] bool load();
  template <class Record>
  [[nodiscard]] bool load_records(std::size_t offset, std::uint64_t count, std::uint64_t capacity,
                                  std::vector<Record>& into);
  [[nodiscard]] std::optional<Code> code_at(std::uint32_t position) const;
  [[nodiscard]] std::optional<std::string> code_text(std::uint64_t at, std::uint32_t bytes, std::uint8_t kind) const;

  MemoryReader* memory_;
  std::uint64_t address_;
  std::optional<pystate::LineTableFormat> format_;
  std::vector<wire::NodeRecord> nodes_;
  std::vector<wire::FunctionRecord> functions_;
  std::vector<wire::CallRecord> calls_;
  std::vector<wire::RunningGraph> running_;
  std::vector<wire::MappedLine> mapped_;
  std::vector<std::byte> texts_;
};

}  // namespace segwhy::tensorflow
