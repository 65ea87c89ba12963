#include "symbols/debug_file.h"

#include <filesystem>
#include <system_error>
#include <vector>

namespace segwhy {
namespace {

namespace fs = std::filesystem;

constexpr char kDebugRoot[] = "/usr/lib/debug";

std::vector<std::string> candidates(const ElfImage& object, const std::string& root) {
  std::vector<std::string> out;
  const std::string id = object.build_id();
  if (id.size() > 2) out.push_back(root + kDebugRoot + "/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug");

  const Elf64_Shdr* link = object.section(".gnu_debuglink");
  if (link == nullptr || object.file_path().empty()) return out;
  const std::string name(string_at(object.contents(*link), 0));
  if (name.empty() || name.find('/') != std::string::npos) return out;
  std::error_code error;
  const fs::path real = fs::canonical(object.file_path(), error);
  const std::string folder = (error ? fs::path(object.file_path()) : real).parent_path().string();
  out.push_back(folder + "/" + name);
  out.push_back(folder + "/.debug/" + name);
  if (folder.starts_with(root)) out.push_back(root + kDebugRoot + folder.substr(root.size()) + "/" + name);
  return out;
}

}  // namespace

std::optional<ElfImage> open_debug_file(const ElfImage& object, const std::string& root) {
  const std::string id = object.build_id();
  std::error_code error;
  for (const std::string& path : candidates(object, root)) {
    if (path == object.file_path() || !fs::is_regular_file(path, error)) continue;
    auto image = ElfImage::open_file(path);
    // A build-id decides; without one the debug link's name has to do.
    if (image && image->build_id() == id) return std::optional<ElfImage>(std::move(*image));
  }
  return std::nullopt;
}

}  // namespace segwhy
