// Which TensorFlow a process has loaded, if any.
#pragma once

#include <string>
#include <vector>

#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"

namespace segwhy::tensorflow {

struct Installation {
  bool loaded = false;
  std::string version;  // "2.8.0"; empty when not found
};

// From the distribution that owns the library, else from the version strings in the library's constants.
[[nodiscard]] Installation find_installation(const Snapshot& snapshot, const std::vector<Module>& modules);

// Does this file belong to TensorFlow's own native code.
[[nodiscard]] bool is_tensorflow_module(const std::string& path);

// The version among a library's strings: the text that stands alone between NULs ("2.4.1") and has the minor of the git
// description ("v2.4.0-49-g85c8b2a817f"). Empty when there is none. Pure.
[[nodiscard]] std::string version_in_strings(std::string_view data);

}  // namespace segwhy::tensorflow
