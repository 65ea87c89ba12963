// The cause pages (docs/causes/*.md) for a terminal: headings, paragraphs, lists, code. The subset of Markdown those
// pages use; anything else is shown as it stands. Pure, thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "report/styled.h"

namespace segwhy {

// `markdown` wrapped to `width` columns; every line ends in a newline.
[[nodiscard]] std::string render_markdown(std::string_view markdown, std::size_t width, const report::Paint& paint);

}  // namespace segwhy
