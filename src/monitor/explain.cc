#include "monitor/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <vector>

#include "base/text.h"
#include "report/markdown.h"

namespace segwhy {
namespace {

// Insertions, deletions and substitutions that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> above(b.size() + 1), row(b.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    row.at(0) = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      row.at(j + 1) = std::min({above.at(j + 1) + 1, row.at(j) + 1, above.at(j) + (a[i] == b[j] ? 0U : 1U)});
    }
    std::swap(above, row);
  }
  return above.at(b.size());
}

// The first paragraph after the title, as one line.
std::string gist(std::string_view markdown) {
  std::string text;
  for (const std::string_view raw : split(markdown, '\n')) {
    const std::string_view line = trim(raw);
    if (line.empty() && !text.empty()) break;
    if (line.empty() || line.front() == '#') continue;
    if (!text.empty()) text += ' ';
    text += line;
  }
  const auto end = text.find(". ");
  return end == std::string::npos ? text : text.substr(0, end + 1);
}

std::string list_of(const ExplainOptions& options, std::span<const CausePage> pages) {
  std::string markdown;
  for (const CausePage& page : pages) markdown += fmt::format("- `{}`: {}\n", page.slug, gist(page.markdown));
  return render_markdown(markdown, options.width, {.color = options.color, .unicode = options.unicode});
}

}  // namespace

std::string_view nearest_slug(std::string_view slug, std::span<const CausePage> pages) {
  const std::size_t enough = slug.size() / 2 + 1;  // more edits than this is another word
  std::size_t best = enough + 1;
  std::string_view nearest;
  for (const CausePage& page : pages) {
    const bool part = slug.size() >= 3 && page.slug.find(slug) != std::string_view::npos;
    const std::size_t distance = part ? 0 : edit_distance(slug, page.slug);
    if (distance < best) {
      best = distance;
      nearest = page.slug;
    }
  }
  return nearest;
}

Explanation explain(const ExplainOptions& options, std::span<const CausePage> pages) {
  if (options.slug.empty()) return {true, list_of(options, pages)};
  const auto page =
      std::find_if(pages.begin(), pages.end(), [&](const CausePage& p) { return p.slug == options.slug; });
  if (page != pages.end()) {
    return {true, render_markdown(page->markdown, options.width, {.color = options.color, .unicode = options.unicode})};
  }
  std::string text = fmt::format("segwhy: there is no class \"{}\"", options.slug);
  const std::string_view nearest = nearest_slug(options.slug, pages);
  if (!nearest.empty()) text += fmt::format("; did you mean \"{}\"?", nearest);
  text += " The classes are:";
  for (const CausePage& other : pages) text += fmt::format(" {}", other.slug);
  return {false, text + "\n"};
}

int explain_command(const ExplainOptions& options) {
  const Explanation explanation = explain(options, cause_pages());
  std::fputs(explanation.text.c_str(), explanation.found ? stdout : stderr);
  return explanation.found ? 0 : 2;
}

}  // namespace segwhy
