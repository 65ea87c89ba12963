// The innermost line of the user's own code: not the standard library, not an installed package, not generated code.
#pragma once

#include <optional>
#include <string>

#include "diagnose/messages/text_facts.h"
#include "evidence/model/case.h"

namespace segwhy {

struct Location {
  std::optional<SourceLine> line;
  std::string reason;      // a sentence when the line is not the crashed thread's own
  bool native = false;     // of C or C++ code
  bool bystander = false;  // of a thread that is not known to have to do with the death
};

[[nodiscard]] Location find_where(const Case& evidence, const text::TextFacts& text);

// The innermost native frame of the user's own: the line of a program without Python. nullopt when nothing says whose
// code it is (no debug information).
[[nodiscard]] std::optional<SourceLine> user_line(const std::vector<NativeFrame>& stack);

// The innermost frame of the user's own on the thread's stack, from frame `first` (0 is the innermost) on.
[[nodiscard]] std::optional<SourceLine> user_line(const Thread& thread, std::size_t first = 0);

// By path alone, for stacks known only as text.
[[nodiscard]] bool is_user_file(std::string_view path);

}  // namespace segwhy
