// Messages by which loaders, runtimes and packages say that two things loaded into one process do not belong together,
// or that the CPU lacks what a library was built for.
#pragma once

#include <optional>
#include <string>

#include "diagnose/messages/lines.h"

namespace segwhy::text {

// As `what` of a library file that this machine cannot load at all.
inline constexpr char kAnotherArchitecture[] = "another architecture";

struct LibraryComplaint {
  enum class Kind { kConflict, kOpenMp, kAbi, kCpu };
  Kind kind = Kind::kConflict;
  std::string what;           // the thing in question: "protobuf", "libstdc++", "NumPy", a symbol
  std::string first, second;  // the two versions or objects, as printed: wanted (or own), found (or other)
  std::string requirer;       // the object that could not be satisfied
  bool warning_only = false;  // printed by a program that goes on
  std::string text;
};

[[nodiscard]] std::optional<LibraryComplaint> read_library_complaint(std::string_view line);

// The last one; those that end a program come before warnings.
[[nodiscard]] std::optional<LibraryComplaint> find_library_complaint(const Lines& lines);

}  // namespace segwhy::text
