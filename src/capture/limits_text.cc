#include "capture/limits_text.h"

#include <array>
#include <utility>
#include <vector>

#include "base/text.h"

namespace segwhy {
namespace {

constexpr std::array<std::pair<std::string_view, const char*>, 9> kNames = {{
    {"Max address space", "as"},
    {"Max data size", "data"},
    {"Max stack size", "stack"},
    {"Max processes", "nproc"},
    {"Max open files", "nofile"},
    {"Max core file size", "core"},
    {"Max locked memory", "memlock"},
    {"Max cpu time", "cpu"},
    {"Max file size", "fsize"},
}};

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> out;
  for (const std::string_view word : split(line, ' ')) {
    if (!word.empty()) out.push_back(word);
  }
  return out;
}

}  // namespace

std::map<std::string, Limit> parse_limits(std::string_view text) {
  std::map<std::string, Limit> out;
  for (const std::string_view line : split(text, '\n')) {
    for (const auto& [name, key] : kNames) {
      if (!line.starts_with(name)) continue;
      const auto values = words(line.substr(name.size()));
      if (values.size() < 2) continue;
      const Limit limit{parse_number(values[0]), parse_number(values[1])};
      const bool sane = (limit.soft || values[0] == "unlimited") && (limit.hard || values[1] == "unlimited");
      if (sane) out[key] = limit;
    }
  }
  return out;
}

}  // namespace segwhy
