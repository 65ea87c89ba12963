#include "symbols/native_origin.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace segwhy {
namespace {

template <std::size_t N>
bool starts_with_any(std::string_view text, const std::array<std::string_view, N>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [text](std::string_view p) { return text.starts_with(p); });
}

template <std::size_t N>
bool contains_any(std::string_view text, const std::array<std::string_view, N>& parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [text](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

// Installed by the system's package manager (Filesystem Hierarchy Standard) or by pip and its kin.
bool is_installed(std::string_view module) {
  constexpr std::array<std::string_view, 9> kSystem = {
      "/usr/lib", "/usr/bin", "/usr/sbin", "/usr/libexec", "/lib", "/bin/", "/sbin/", "/opt/", "["};
  constexpr std::array<std::string_view, 4> kPackages = {"/site-packages/", "/dist-packages/", "/lib/python3.",
                                                         "/lib64/python3."};
  return starts_with_any(module, kSystem) || contains_any(module, kPackages);
}

// The interpreter, and Segwhy's own runtime, which stands between the program and its allocator.
bool serves_programs(std::string_view module) {
  const std::string_view name = base_name(module);
  return name.starts_with("python") || name.starts_with("libpython") || name == "libsegwhy.so";
}

// Headers of the compiler and of installed libraries, whose code is compiled into the program; and names that the C
// library's own build gave its sources.
bool is_system_source(std::string_view file) {
  constexpr std::array<std::string_view, 4> kSystem = {"/usr/include/", "/usr/lib/", "/usr/local/include/", "../"};
  return starts_with_any(file, kSystem) || contains_any(file, std::array<std::string_view, 1>{"/include/c++/"});
}

}  // namespace

std::string_view native_origin(std::string_view module, std::string_view file) {
  if (module.empty() || file.empty()) return "";
  if (is_installed(module) || serves_programs(module) || is_system_source(file)) return "";
  return "user";
}

}  // namespace segwhy
