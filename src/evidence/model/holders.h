// Who keeps memory alive on Python's side, as a Case holds it (case.h says how the fields are listed).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace segwhy {

// One object that keeps the blocks of a call site alive.
struct Holder {
  std::string type;                             // of the container or object: "list", "dict", "function closure"
  std::string name;                             // under which it is reached, where it has one
  std::string path;                             // from a root: "__main__.tensors"
  std::optional<std::uint64_t> length;          // of the container
  std::optional<std::uint64_t> bytes, objects;  // that it keeps
  std::string created_file;                     // where the container was made
  std::optional<int> created_line;

  template <class V>
  void fields(V& v) {
    v("type", type), v("name", name), v("path", path), v("length", length), v("bytes", bytes), v("objects", objects);
    v("created_file", created_file), v("created_line", created_line);
  }
};

}  // namespace segwhy
