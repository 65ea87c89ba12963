// For tests: frames with only what the framework readers look at.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "evidence/model/case.h"

namespace segwhy {

inline PythonFrame python_frame(std::string file, std::string function, std::string origin,
                                std::vector<std::string> constants = {}) {
  PythonFrame out;
  out.file = std::move(file), out.function = std::move(function), out.origin = std::move(origin);
  out.constants = std::move(constants);
  return out;
}

inline NativeFrame native_frame(std::string module, std::string function) {
  NativeFrame out;
  out.module = std::move(module), out.function = std::move(function);
  return out;
}

}  // namespace segwhy
