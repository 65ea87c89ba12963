#include "frameworks/tensorflow/version.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "base/text.h"

namespace segwhy::tensorflow {
namespace {

constexpr std::uint64_t kConstantsSearched = 64 << 20;

bool is_library(const std::string& path) {
  return base_name(path).starts_with("libtensorflow_framework.so");
}

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

// "2.4" from "v2.4.0-49-g85c8b2a817f"; nullopt when it is no git description.
std::optional<std::string_view> minor_of_description(std::string_view text) {
  const std::size_t first = text.find('.');
  const std::size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos || text.find("-g", second) == std::string_view::npos) return std::nullopt;
  const std::string_view minor = text.substr(1, second - 1);
  const bool numeric = std::all_of(minor.begin(), minor.end(), [](char c) { return is_digit(c) || c == '.'; });
  return numeric ? std::optional(minor) : std::nullopt;
}

std::string_view string_at(std::string_view data, std::size_t at) {
  const std::size_t end = data.find('\0', at);
  return end == std::string_view::npos ? std::string_view() : data.substr(at, end - at);
}

}  // namespace

std::string version_in_strings(std::string_view data) {
  using namespace std::string_view_literals;
  constexpr char kNul = 0;
  for (std::size_t at = data.find("\0v"sv); at != std::string_view::npos; at = data.find("\0v"sv, at + 1)) {
    if (at + 2 >= data.size() || !is_digit(data[at + 2])) continue;
    const auto minor = minor_of_description(string_at(data, at + 1).substr(0, 64));
    if (!minor) continue;
    const std::string wanted = std::string(1, kNul) + std::string(*minor) + ".";
    for (std::size_t v = data.find(wanted); v != std::string_view::npos; v = data.find(wanted, v + 1)) {
      const std::string_view version = string_at(data, v + 1);
      const std::string_view patch = version.substr(std::min(version.size(), wanted.size() - 1));
      if (!patch.empty() && patch.size() <= 8 && is_digit(patch[0])) return std::string(version);
    }
  }
  return {};
}

bool is_tensorflow_module(const std::string& path) {
  return path.find("-packages/tensorflow/") != std::string::npos || base_name(path).starts_with("libtensorflow");
}

Installation find_installation(const Snapshot& snapshot, const std::vector<Module>& modules) {
  Installation out;
  for (const Module& module : modules) {
    if (!is_tensorflow_module(module.path)) continue;
    out.loaded = true;
    if (is_library(module.path) && !module.package_version.empty()) out.version = module.package_version;
  }
  if (!out.version.empty()) return out;
  for (const Mapping& mapping : snapshot.mappings) {
    if (!is_library(mapping.path)) continue;
    out.loaded = true;
    const std::uint64_t size = mapping.end - mapping.start;
    if (!mapping.readable || mapping.writable || size > kConstantsSearched || snapshot.memory == nullptr) continue;
    std::string data(size, '\0');
    data.resize(snapshot.memory->read(mapping.start, std::as_writable_bytes(std::span(data))));
    out.version = version_in_strings(data);
    if (!out.version.empty()) break;
  }
  return out;
}

}  // namespace segwhy::tensorflow
