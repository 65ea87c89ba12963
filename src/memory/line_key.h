// LineKey: what the blocks of many stacks have in common for a reader: the user's line that asked for them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>

#include "history/stacks.h"

namespace segwhy::memory {

struct LineKey {
  std::string file;  // empty: no Python frame, then `native` tells
  std::optional<int> line;
  std::string function;      // says more of the line, and does not tell it from another
  bool importing = false;    // the line imports a module, on whose behalf it was allocated
  std::uint64_t native = 0;  // of a stack without Python: a return address that stands for it

  [[nodiscard]] auto identity() const { return std::tie(file, line, importing, native); }
  friend bool operator==(const LineKey& a, const LineKey& b) { return a.identity() == b.identity(); }
  friend bool operator<(const LineKey& a, const LineKey& b) { return a.identity() < b.identity(); }
};

// Of a frame that is neither an installed package's nor the interpreter's.
[[nodiscard]] bool is_user_code(const std::string& file);

// Names stacks, one after the other; remembers whose files those in them are.
class LineNamer {
 public:
  // The user's innermost frame, else the innermost Python frame at all, else native code.
  [[nodiscard]] LineKey key_of(const history::RecordedStack& stack);
  // is_user_code(), remembered.
  [[nodiscard]] bool is_user(const std::string& file);

 private:
  std::unordered_map<std::string, bool> files_;
};

}  // namespace segwhy::memory
