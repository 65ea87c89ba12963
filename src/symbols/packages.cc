#include "symbols/packages.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "base/file.h"
#include "base/text.h"

namespace segwhy {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxDistributions = 5000;
constexpr std::size_t kMaxRecord = std::size_t{32} << 20;
constexpr std::string_view kDistInfo = ".dist-info";

// Names that differ in case, '-', '_' and '.' are the same distribution (PEP 503).
std::string normalized(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool separator = c == '-' || c == '_' || c == '.';
    if (separator && !out.empty() && out.back() == '_') continue;
    out += separator ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

// End of the last ".../site-packages/" or ".../dist-packages/" in the path.
std::optional<std::size_t> site_end(const std::string& path) {
  std::size_t best = 0;
  for (const std::string_view marker : {"/site-packages/", "/dist-packages/"}) {
    const auto at = path.rfind(marker);
    if (at != std::string::npos) best = std::max(best, at + marker.size());
  }
  return best == 0 ? std::nullopt : std::optional(best);
}

// "Name" of METADATA: its spelling; the folder's is normalised.
std::string spelled_name(const std::string& folder) {
  const auto metadata = read_file(folder + "/METADATA", std::size_t{4} << 20);
  if (!metadata) return {};
  for (const std::string_view line : split(std::string_view(*metadata).substr(0, 4096), '\n')) {
    if (line.starts_with("Name:")) return std::string(trim(line.substr(5)));
  }
  return {};
}

// Whether RECORD lists the file: "path,hash,size" a line. `record` begins with a line feed.
bool lists(const std::string& record, const std::string& relative) {
  const std::string line = "\n" + relative + ",";
  // Records have up to 20,000 lines: memmem is ten times as fast as std::string::find.
  return ::memmem(record.data(), record.size(), line.data(), line.size()) != nullptr;
}

bool has_line(const std::string& text, std::string_view line) {
  const auto lines = split(text, '\n');
  return std::any_of(lines.begin(), lines.end(), [&](std::string_view l) { return trim(l) == line; });
}

}  // namespace

PackageIndex::Site& PackageIndex::site(const std::string& folder) {
  const auto [it, fresh] = sites_.try_emplace(folder);
  if (!fresh) return it->second;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(root_ + folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(kDistInfo) || it->second.size() >= kMaxDistributions) continue;
    const std::string_view stem = std::string_view(name).substr(0, name.size() - kDistInfo.size());
    const auto dash = stem.rfind('-');
    if (dash == std::string_view::npos) continue;
    Installed installed;
    installed.distribution = {std::string(stem.substr(0, dash)), std::string(stem.substr(dash + 1))};
    installed.folder = entry.path().string();
    it->second.push_back(std::move(installed));
  }
  return it->second;
}

void PackageIndex::read_metadata(Installed& installed) {
  if (installed.read) return;
  installed.read = true;
  if (const auto record = read_file(installed.folder + "/RECORD", kMaxRecord)) installed.record = "\n" + *record;
  installed.top_level = read_file(installed.folder + "/top_level.txt").value_or(std::string());
  if (std::string name = spelled_name(installed.folder); !name.empty()) installed.distribution.name = std::move(name);
}

int PackageIndex::likelihood(const Installed& installed, const std::string& top) {
  const std::string own = normalized(installed.distribution.name);
  const std::string wanted = normalized(top);
  if (own == wanted) return 2;
  return own.starts_with(wanted) || wanted.starts_with(own) ? 1 : 0;
}

std::optional<Distribution> PackageIndex::owner(const std::string& path) {
  const auto end = site_end(path);
  if (!end) return std::nullopt;
  const std::string relative = path.substr(*end);
  std::string top = relative.substr(0, relative.find('/'));
  // Libraries that auditwheel brought along: NAME.libs beside the package, listed in its RECORD like everything else.
  const bool bundled = top.ends_with(".libs");
  if (bundled) top.resize(top.size() - std::string_view(".libs").size());

  Site& installed = site(path.substr(0, *end - 1));
  std::stable_sort(installed.begin(), installed.end(),
                   [&](const Installed& a, const Installed& b) { return likelihood(a, top) > likelihood(b, top); });
  Installed* by_name = nullptr;
  for (Installed& candidate : installed) {
    read_metadata(candidate);
    if (lists(candidate.record, relative)) return candidate.distribution;
    // Without a RECORD (Debian's, conda's) the name has to do.
    const bool named = likelihood(candidate, top) == 2 || has_line(candidate.top_level, top);
    if (by_name == nullptr && candidate.record.empty() && named) by_name = &candidate;
  }
  return by_name == nullptr ? std::nullopt : std::optional(by_name->distribution);
}

}  // namespace segwhy
