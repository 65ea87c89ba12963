// `segwhy explain SLUG`: the page of docs/causes/ about one verdict class, from the binary itself.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace segwhy {

struct CausePage {
  std::string_view slug;      // "null-pointer"
  std::string_view markdown;  // the file's text
};

// Every page of docs/causes/, ascending by slug; embedded when the project is built.
[[nodiscard]] std::span<const CausePage> cause_pages();

struct ExplainOptions {
  std::string slug;  // empty: list all
  bool color = false;
  bool unicode = true;
  unsigned width = 80;  // columns
};

// Prints to standard output and returns the exit status: 0, or 2 for a slug that does not exist (then the list and the
// nearest slug go to standard error).
[[nodiscard]] int explain_command(const ExplainOptions& options);

// The text of explain_command(); `found` says whether the slug exists. Pure.
struct Explanation {
  bool found = false;
  std::string text;
};
[[nodiscard]] Explanation explain(const ExplainOptions& options, std::span<const CausePage> pages);

// The slug of `pages` that needs the fewest edits from `slug`; empty when none is near.
[[nodiscard]] std::string_view nearest_slug(std::string_view slug, std::span<const CausePage> pages);

}  // namespace segwhy
