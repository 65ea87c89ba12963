// SourceFiles: the text of source lines, as Python's linecache would give it. Reads each file once, regular files of a
// bounded size only, and never fails: a line that cannot be had is empty. Not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace segwhy::pystate {

class SourceFiles {
 public:
  // `root`: prefix under which absolute paths are opened; `directories`: the process's, where relative ones are tried.
  SourceFiles(std::string root, std::vector<std::string> directories);

  // Line `number` (1-based) of `file`, valid UTF-8, without its line break; cut at 1000 bytes.
  [[nodiscard]] std::string line(const std::string& file, int number);

 private:
  struct Source {
    std::string text;                 // UTF-8 as far as the file's encoding is known
    std::vector<std::size_t> starts;  // of each line in it
  };

  const Source& source_of(const std::string& file);
  [[nodiscard]] std::optional<std::string> open(const std::string& file) const;

  std::string root_;
  std::vector<std::string> directories_;
  std::map<std::string, Source> sources_;
};

// The bytes of a Python source file as UTF-8, by its byte order mark and coding cookie (PEP 263): Latin-1 and its kin
// are converted, every other encoding is taken for UTF-8.
[[nodiscard]] std::string decode_source(std::string bytes);

}  // namespace segwhy::pystate
