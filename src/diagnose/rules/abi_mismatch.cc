// abi-mismatch: an extension was built for another version of what it runs with: by the loader's or package's words, or
// by an extension on the crashing stack whose marker says so.
//
// Near misses: such an extension somewhere in the process but not on the stack that crashed; a function that the user's
// own code looks up with ctypes.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "base/text.h"
#include "diagnose/frames.h"
#include "diagnose/loaded.h"
#include "diagnose/messages/lines.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

using Kind = text::LibraryComplaint::Kind;

std::string versions(const text::LibraryComplaint& complaint) {
  if (!complaint.first.empty() && !complaint.second.empty())
    return fmt::format("built for {} {}, running with {}", complaint.what, complaint.first, complaint.second);
  if (!complaint.requirer.empty())
    return fmt::format("{} wants {}, which nothing loaded provides", complaint.requirer, complaint.what);
  if (complaint.what == text::kAnotherArchitecture)
    return "it is built for another architecture, or its file is damaged";
  return "the versions of " + complaint.what + " differ";
}

// The exception itself says so, or an import failed after somebody else had said so.
bool is_about_versions(const text::Traceback& traceback) {
  if (text::contains_any(traceback.type, {"ImportError", "ModuleNotFoundError"})) return true;
  const std::string words = traceback.type + ": " + traceback.message;
  for (const std::string_view line : text::lines_of(words)) {
    const auto complaint = text::read_library_complaint(line);
    if (complaint && complaint->kind == Kind::kAbi) return true;
  }
  return false;
}

// A message that only warns is no more than a lead to a later crash: see from_numpy_marker for what makes it one.
std::optional<Candidate> from_words(const Facts& facts) {
  const auto& complaint = facts.text.library;
  if (!complaint || complaint->kind != Kind::kAbi) return std::nullopt;
  const text::Traceback* traceback = facts.failed_exit() ? facts.text.final_traceback() : nullptr;
  const bool import_failed = traceback != nullptr && is_about_versions(*traceback);
  const bool died = facts.evidence.death.kind == "signal" && !facts.sent_from_outside() && !facts.may_have_hung();
  if (!import_failed && !died) return std::nullopt;
  Candidate candidate{.slug = "abi-mismatch", .confidence = Confidence::kLikely, .score = 90};
  const bool both_versions = !complaint->first.empty() && !complaint->second.empty();
  if (import_failed && both_versions && !complaint->warning_only) candidate.confidence = Confidence::kCertain;
  // Importing packages often print the warning and get along; the crash may be somebody else's.
  if (!import_failed && complaint->warning_only) candidate.confidence = Confidence::kPossible;
  candidate.summary =
      fmt::format("An extension does not fit what it runs with{}: {}.", at_line(facts), versions(*complaint));
  candidate.evidence.push_back("The program said: " + text::shortened(complaint->text, 400));
  add_common_evidence(facts, candidate);
  const std::string who = complaint->requirer.empty() ? "the extension" : std::string(base_name(complaint->requirer));
  candidate.advice.push_back(
      both_versions ? fmt::format("Rebuild or reinstall {} for {} {}, or install {} {}.", who, complaint->what,
                                  complaint->second, complaint->what, complaint->first)
                    : fmt::format("Reinstall {} built for {}.", who,
                                  complaint->what == text::kAnotherArchitecture ? "this machine's architecture"
                                                                                : "the versions in this environment"));
  return candidate;
}

const MarkedModule* on_stack(const Facts& facts, const std::vector<MarkedModule>& modules) {
  if (facts.crashed == nullptr) return nullptr;
  int looked_at = 0;
  for (const NativeFrame& frame : facts.crashed->native) {
    if (is_abort_plumbing(frame) || is_memory_routine(frame)) continue;
    const auto found = std::find_if(modules.begin(), modules.end(),
                                    [&](const MarkedModule& m) { return m.module->path == frame.module; });
    if (found != modules.end()) return &*found;
    if (++looked_at >= 6 || is_interpreter(frame)) return nullptr;
  }
  return nullptr;
}

// An extension compiled for NumPy 1 reads NumPy 2's type descriptors at the wrong offsets.
std::optional<Candidate> from_numpy_marker(const Facts& facts) {
  const auto numpy = major_version(facts.evidence, "numpy");
  const bool died = facts.evidence.death.kind == "signal" && !facts.sent_from_outside() && !facts.may_have_hung();
  if (!numpy || !died) return std::nullopt;
  std::vector<MarkedModule> stale = modules_with(facts.evidence, "numpy-c-api");
  std::erase_if(stale, [&](const MarkedModule& m) {
    const auto built = text::leading_number(m.value);
    return !built || *built >= *numpy || m.module->package == "numpy";
  });
  const MarkedModule* culprit = on_stack(facts, stale);
  if (culprit == nullptr) return std::nullopt;
  const std::string& version = facts.evidence.program.packages.at("numpy");
  Candidate candidate{.slug = "abi-mismatch", .confidence = Confidence::kLikely, .score = 70};
  candidate.summary = fmt::format("{} was built for NumPy {} and crashed under NumPy {}{}.", describe(*culprit->module),
                                  culprit->value, version, at_line(facts));
  candidate.evidence.push_back(
      fmt::format("{} uses the C API of NumPy {}; NumPy {} is loaded, and its structures are laid out differently.",
                  culprit->module->path, culprit->value, version));
  add_common_evidence(facts, candidate);
  candidate.advice.push_back(
      fmt::format("Rebuild {} against NumPy {} (with a pybind11 or Cython that knows it), or install numpy<{}.",
                  base_name(culprit->module->path), version, *numpy));
  return candidate;
}

}  // namespace

std::optional<Candidate> abi_mismatch(const Facts& facts) {
  auto said = from_words(facts);
  auto shown = from_numpy_marker(facts);
  return said && (!shown || said->confidence != Confidence::kPossible) ? said : shown;
}

}  // namespace segwhy
