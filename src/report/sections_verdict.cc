#include <fmt/format.h>

#include "report/sections.h"

namespace segwhy::report {
namespace {

constexpr std::size_t kListHang = 3;

// Texts as a list, the first of rank `first`, the others of rank `rest`, each later one going earlier.
Section list(const char* label, const std::vector<std::string>& texts, int first, int rest, bool numbered) {
  Section section;
  section.label = label;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Line line;
    if (texts.size() > 1) line.add(numbered ? fmt::format("{}. ", i + 1) : "-  ", Role::kFaint);
    section.items.push_back(
        {.line = line.add(prose(texts[i])), .rank = i == 0 ? first : rest, .hang = texts.size() > 1 ? kListHang : 0});
  }
  return section;
}

}  // namespace

Section headline(const Subject& s) {
  Section section;
  section.margin = false;
  Line line;
  line.add("segwhy: ").add(s.verdict.verdict_class, Role::kVerdict);
  line.add(fmt::format(" ({})", to_string(s.verdict.confidence)));
  if (!s.verdict.summary.empty()) line.add(": ").add(prose(s.verdict.summary, Role::kUser));
  section.items.push_back({.line = std::move(line), .hang = 4});
  return section;
}

Section why(const Subject& s) {
  Section section = list("why", s.verdict.evidence, kFirst, kDetail, false);
  if (!s.verdict.factors.empty()) {
    const std::string factors = fmt::format("contributing: {}", fmt::join(s.verdict.factors, ", "));
    section.items.push_back({.line = Line(factors), .rank = kThird});
  }
  return section;
}

Section could_be(const Subject& s) {
  std::vector<std::string> texts;
  for (const Alternative& a : s.verdict.alternatives) {
    texts.push_back(a.reason.empty() ? fmt::format("`{}`", a.verdict_class)
                                     : fmt::format("`{}`: {}", a.verdict_class, a.reason));
  }
  return list("could be", texts, kSecond, kDetail, false);
}

Section to_do(const Subject& s) {
  return list("to do", s.verdict.advice, kAlways, kAlways, true);
}

Section to_decide(const Subject& s) {
  return list("decide", s.verdict.experiments, kSecond, kDetail, true);
}

Section missing(const Subject& s) {
  return list("missing", s.evidence.capture.limits, kThird, kDetail, false);
}

Section case_file(const Subject& s, bool something_left_out) {
  Section section;
  const std::string& path = s.style.case_path;
  const bool hint = something_left_out && !s.style.verbose;
  if (path.empty() && !hint) return section;
  section.label = path.empty() ? "more" : "case";
  Line line;
  if (!path.empty()) line.add(path, Role::kCode);
  if (!path.empty() && hint) line.add("  (");
  if (hint) line.add("--verbose", Role::kCode).add(" shows all");
  if (!path.empty() && hint) line.add(")");
  section.items.push_back({.line = std::move(line), .hang = 2});
  return section;
}

}  // namespace segwhy::report
