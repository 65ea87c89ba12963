// library-conflict: two copies or versions of one library in a process: by the library's own words, or by a stack that
// crosses from a library with its own copy into another's copy.
//
// Near miss: two copies that are merely loaded. Many packages carry their own protobuf or abseil and get along, so
// presence alone is never more than a lead, and only where the crash is in that very library.
#include <fmt/format.h>

#include <array>
#include <csignal>

#include "base/text.h"
#include "diagnose/abort_origin.h"
#include "diagnose/frames.h"
#include "diagnose/loaded.h"
#include "diagnose/messages/lines.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

using Kind = text::LibraryComplaint::Kind;

bool ended_badly(const Facts& facts) {
  return facts.failed_exit() ||
         (facts.evidence.death.kind == "signal" && !facts.sent_from_outside() && !facts.may_have_hung());
}

std::string copies(const Facts& facts, std::string_view family) {
  std::vector<std::string> names;
  for (const MarkedModule& marked : modules_with(facts.evidence, family))
    names.push_back(describe(*marked.module) + (marked.value.empty() ? "" : " with " + marked.value));
  return names.size() < 2 ? "" : joined(names, ", ");
}

std::string advice_for(const Facts& facts, std::string_view what) {
  const std::string_view shown = what.substr(0, what.find(' '));
  std::string advice = fmt::format("Keep one {} in the process", shown);
  if (facts.where)
    advice += fmt::format(
        ": {} brings in the second one; import the package that carries its own copy first, or leave the other out",
        line_name(facts));
  if (!facts.environment("LD_PRELOAD").empty())
    advice += fmt::format("; LD_PRELOAD is {}", facts.environment("LD_PRELOAD"));
  if (!facts.environment("LD_LIBRARY_PATH").empty())
    advice += fmt::format("; LD_LIBRARY_PATH is {}", facts.environment("LD_LIBRARY_PATH"));
  return advice + ".";
}

std::string versions(const text::LibraryComplaint& complaint) {
  if (complaint.first.empty() || complaint.second.empty()) return {};
  return fmt::format(": one side wants {}, the other is {}", complaint.first, complaint.second);
}

std::optional<Candidate> from_words(const Facts& facts) {
  const auto& complaint = facts.text.library;
  if (!complaint || complaint->kind != Kind::kConflict || !ended_badly(facts)) return std::nullopt;
  Candidate candidate{.slug = "library-conflict", .score = 90};
  candidate.confidence = unless_requested(facts, Confidence::kLikely);
  candidate.summary =
      fmt::format("Two versions of {} met in one process{}{}.", complaint->what, at_line(facts), versions(*complaint));
  candidate.evidence.push_back("The program said: " + text::shortened(complaint->text, 400));
  if (!complaint->requirer.empty()) candidate.evidence.push_back("Required by " + complaint->requirer + ".");
  const std::string family(complaint->what.substr(0, complaint->what.find(' ')));
  if (const std::string list = copies(facts, family); !list.empty()) {
    candidate.evidence.push_back("Loaded copies: " + list + ".");
    candidate.confidence = Confidence::kCertain;
  } else {
    candidate.alternatives.push_back(
        {"abi-mismatch", "The extension may be built for a version that is nowhere in this process."});
  }
  candidate.advice.push_back(advice_for(facts, complaint->what));
  add_common_evidence(facts, candidate);
  return candidate;
}

struct Family {
  const char* marker;
  const char* prefix;  // of its functions' names
};
constexpr std::array<Family, 4> kFamilies = {
    {{"protobuf", "google::protobuf::"}, {"abseil", "absl::"}, {"llvm", "llvm::"}, {"hdf5", "H5"}}};

bool carries(const Facts& facts, std::string_view family, const std::string& path) {
  for (const MarkedModule& marked : modules_with(facts.evidence, family))
    if (marked.module->path == path) return true;
  return false;
}

// The innermost frames of the family, then the first frame outside their module: a caller with a copy of its own means
// that the dynamic linker bound it to the wrong one.
std::optional<Candidate> from_stack(const Facts& facts, const Family& family) {
  if (facts.crashed == nullptr || facts.evidence.death.kind != "signal" || facts.sent_from_outside())
    return std::nullopt;
  const auto& native = facts.crashed->native;
  std::size_t i = 0;
  while (i < native.size() && (is_abort_plumbing(native[i]) || is_memory_routine(native[i]) || is_allocator(native[i])))
    ++i;
  if (i >= native.size() || !native[i].function.starts_with(family.prefix)) return std::nullopt;
  const std::string& inner = native[i].module;
  std::size_t j = i;
  while (j < native.size() && native[j].module == inner) ++j;
  if (j >= native.size() || inner.empty() || !carries(facts, family.marker, inner) ||
      !carries(facts, family.marker, native[j].module))
    return std::nullopt;
  Candidate candidate{.slug = "library-conflict", .confidence = Confidence::kLikely, .score = 70};
  candidate.summary = fmt::format("{} has its own {} but called into the copy of {}{}.", base_name(native[j].module),
                                  family.marker, base_name(inner), at_line(facts));
  candidate.evidence.push_back(fmt::format("{} (of {}) was called by {} (of {}), and both libraries contain {}.",
                                           describe(native[i]), base_name(inner), describe(native[j]),
                                           base_name(native[j].module), family.marker));
  candidate.evidence.push_back("Loaded copies: " + copies(facts, family.marker) + ".");
  candidate.advice.push_back(advice_for(facts, family.marker));
  candidate.experiments.push_back(
      "Swap the order of the two imports and run again: a crash that moves or goes confirms it.");
  return candidate;
}

}  // namespace

std::optional<Candidate> library_conflict(const Facts& facts) {
  if (auto candidate = from_words(facts)) return candidate;
  for (const Family& family : kFamilies)
    if (auto candidate = from_stack(facts, family)) return candidate;
  return std::nullopt;
}

}  // namespace segwhy
