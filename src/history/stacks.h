// Interned stacks (evidence/wire/stacks.h) of one area, read without trust.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "evidence/wire/stacks.h"
#include "history/area.h"
#include "pystate/line_table.h"

namespace segwhy::history {

struct RecordedPythonFrame {
  std::string file;      // bytes that open it, not always valid UTF-8
  std::string function;  // the same
  pystate::CodeLocation location;
};

struct RecordedStack {
  std::vector<std::uint64_t> native;  // return addresses, innermost first
  bool exact_pc = false;              // but the first, which is an instruction that was being executed
  std::vector<RecordedPythonFrame> python;
  bool native_cut = false, python_cut = false;  // there were more frames
};

// Keeps the code objects that it has decoded. The area must outlive it. Not thread-safe.
class StackReader {
 public:
  explicit StackReader(const Area& area);

  // nullopt for 0 and for an id that leads to nothing that makes sense.
  [[nodiscard]] std::optional<RecordedStack> read(std::uint32_t id);

 private:
  struct Code {
    std::string file, function;
    int first_line = 0;
    std::vector<std::byte> line_table;
  };
  const pystate::CodeLocation& location_of(const Code& code, const wire::PythonFrameRecord& frame);
  const Code* code_at(std::uint32_t position);
  [[nodiscard]] std::optional<Code> read_code(std::uint32_t position) const;
  template <class T>
  [[nodiscard]] std::optional<T> word_at(std::uint64_t position) const;
  [[nodiscard]] bool words_at(std::uint64_t position, std::span<std::byte> out) const;
  [[nodiscard]] std::optional<std::string> text_at(std::uint64_t position, std::uint32_t bytes,
                                                   std::uint8_t kind) const;

  const Area& area_;
  std::optional<pystate::LineTableFormat> format_;  // nullopt: no Python
  std::map<std::uint32_t, std::optional<Code>> codes_;
  // By code and instruction: the same lines call in stack after stack, and a line table takes long to read.
  std::map<std::pair<std::uint32_t, std::int32_t>, pystate::CodeLocation> locations_;
};

}  // namespace segwhy::history
