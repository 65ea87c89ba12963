// What is loaded: the markers of the process's modules (symbols/module_markers.h lists them) and their owners.
//
// Borrows the Case. Pure and thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/model/case.h"

namespace segwhy {

struct MarkedModule {
  const Module* module = nullptr;
  std::string value;  // behind the colon; empty when the marker has none
};

// Modules with the marker `family` ("openmp", "protobuf"...), in load order.
[[nodiscard]] std::vector<MarkedModule> modules_with(const Case& evidence, std::string_view family);
[[nodiscard]] const Module* module_at(const Case& evidence, std::string_view path);

// "libfoo.so (package foo 1.2)".
[[nodiscard]] std::string describe(const Module& module);

// Leading number of a version, "2" of "2.1.3"; nullopt when the package is not loaded.
[[nodiscard]] std::optional<std::uint64_t> major_version(const Case& evidence, const std::string& package);

}  // namespace segwhy
