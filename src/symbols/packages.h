// Which installed Python distribution owns a file: from the *.dist-info folders beside it (PEP 376 RECORD).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace segwhy {

struct Distribution {
  std::string name, version;
};

// Reads folders and RECORD files on demand and keeps them. Not thread-safe.
class PackageIndex {
 public:
  // `root` is the prefix under which the target's paths are to be opened.
  explicit PackageIndex(std::string root) : root_(std::move(root)) {}

  // nullopt for files outside site-packages and dist-packages, and for those that no distribution claims.
  [[nodiscard]] std::optional<Distribution> owner(const std::string& path);

 private:
  struct Installed {
    Distribution distribution;
    std::string folder;  // of the metadata
    bool read = false;
    std::string record, top_level;
  };
  using Site = std::vector<Installed>;

  Site& site(const std::string& folder);
  static void read_metadata(Installed& installed);
  // How likely `installed` owns what lies under `top`, before its RECORD is read. Larger is likelier.
  static int likelihood(const Installed& installed, const std::string& top);

  std::string root_;
  std::map<std::string, Site> sites_;
};

}  // namespace segwhy
