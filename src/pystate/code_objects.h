// CodeObjects: code objects of a broken process, each read and checked once.
//
// Does not own the reader. References stay valid as long as this lives. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "pystate/line_table.h"
#include "pystate/objects.h"

namespace segwhy::pystate {

struct CodeInfo {
  std::string file;      // co_filename: bytes that open the file, not always valid UTF-8
  std::string function;  // co_qualname, before 3.11 co_name; the same
  int first_line = 0;
  std::vector<std::byte> line_table;
};

class CodeObjects {
 public:
  explicit CodeObjects(ObjectReader& objects) : objects_(objects) {}

  // Whether there is a code object at `code`. Cheap: for every frame of a deep recursion.
  [[nodiscard]] bool is_code(TargetAddr code);

  // Byte offset of the first instruction at which a frame is complete: before it, the frame is being set up. 0 in
  // versions that do not tell.
  [[nodiscard]] std::int64_t first_traceable(TargetAddr code);

  // False for a frame at `instruction` (byte offset) of which only the prologue has run, or nothing.
  [[nodiscard]] bool has_begun(TargetAddr code, std::int64_t instruction);

  // nullptr when there is no code object at `code` or its names cannot be read.
  [[nodiscard]] const CodeInfo* describe(TargetAddr code);

  // Where `instruction` (byte offset) is in the source.
  [[nodiscard]] CodeLocation location(TargetAddr code, std::int64_t instruction);

  // The string constants, in order: at most `max_count` of at most `max_length` code points; longer ones are left out.
  [[nodiscard]] std::vector<std::string> string_constants(TargetAddr code, std::size_t max_count,
                                                          std::uint64_t max_length);

 private:
  struct Known {
    bool is_code = false;
    bool read = false;  // `info` and `readable` are decided
    bool readable = false;
    std::int64_t first_traceable = 0;
    CodeInfo info;
  };

  Known& known(TargetAddr code);
  bool read(TargetAddr code, CodeInfo& info);
  [[nodiscard]] TargetAddr member(TargetAddr code, Field field);

  ObjectReader& objects_;
  std::unordered_map<std::uint64_t, Known> known_;  // by address
};

}  // namespace segwhy::pystate
