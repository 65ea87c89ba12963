// The innermost line of the user's own code: not the standard library, not an installed package, not generated code.
#pragma once

#include <optional>
#include <string>

#include "diagnose/messages/text_facts.h"
#include "evidence/model/case.h"

namespace segwhy {

struct Location {
  std::optional<SourceLine> line;
  std::string reason;  // a sentence when the line is not the crashed thread's own
};

[[nodiscard]] Location find_where(const Case& evidence, const text::TextFacts& text);

// The innermost frame of the user's own on the thread's stack, from frame `first` (0 is the innermost) on.
[[nodiscard]] std::optional<SourceLine> user_line(const Thread& thread, std::size_t first = 0);

// By path alone, for stacks known only as text.
[[nodiscard]] bool is_user_file(std::string_view path);

}  // namespace segwhy
