#include "monitor/delivery.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "diagnose/diagnose.h"
#include "evidence/model/case_json.h"
#include "monitor/descriptors.h"
#include "monitor/policy.h"
#include "monitor/terminal.h"
#include "report/report.h"

namespace segwhy {
namespace {

// What the JSON file holds, by how much it says about the run. Of several crashed children the first is the one that
// the others may follow from.
constexpr int kRankPlainEnd = 1, kRankHeld = 2, kRankChild = 3, kRankRoot = 4;
// Held deaths are leads at most: the last few are enough.
constexpr std::size_t kMaxHeld = 8;
constexpr double kNsPerMs = 1e6;

// One signal to the whole process group: who tells of one death has told of all.
bool is_same_blow(const Death& a, const Death& b) {
  return a.kind == "signal" && b.kind == "signal" && a.signal == b.signal && a.sender_pid &&
         a.sender_pid == b.sender_pid;
}

}  // namespace

void Delivery::deliver(Incident incident, bool root) {
  Judged judged{std::move(incident), {}};
  Case& evidence = judged.incident.evidence;
  judged.verdict = diagnose(evidence);
  if (evidence.death.kind == "signal" && judged.verdict.verdict_class == "out-of-memory") evidence.death.kind = "oom";
  evidence.capture.total_ms = static_cast<double>(monotonic_ns() - judged.incident.began_ns) / kNsPerMs;
  switch (telling_of(evidence, judged.verdict, root)) {
    case Telling::kTell:
      return tell(std::move(judged), root ? kRankRoot : kRankChild);
    case Telling::kHold:
      held_.push_back(std::move(judged));
      if (held_.size() > kMaxHeld) held_.erase(held_.begin());
      return;
    case Telling::kSilent:
      if (!root) return;
      if (options_.json_path) write_json(judged, kRankPlainEnd);
      const std::string saved = options_.case_path && !case_path_used_ ? save_case(judged, true) : std::string();
      if (options_.verbose || options_.memory.asked) print(judged, saved);
      draw(judged);
      reported_ = reported_ || (options_.memory.asked && judged.verdict.verdict_class == "memory-growth");
  }
}

void Delivery::finish(bool failed) {
  if (failed)
    for (Judged& judged : std::exchange(held_, {}))
      if (!is_explained(judged)) tell(std::move(judged), kRankHeld);
  held_.clear();
}

// Told already: the program's own report tells of this death, too, or it followed a crash, as the workers that a pool
// ends when one of them has died.
bool Delivery::is_explained(const Judged& judged) const {
  if (root_death_ && is_same_blow(judged.incident.evidence.death, *root_death_)) return true;
  if (first_crash_ns_ != 0 && judged.incident.began_ns > first_crash_ns_) return true;
  return std::find(explained_.begin(), explained_.end(), judged.incident.pid) != explained_.end();
}

void Delivery::tell(Judged judged, int rank) {
  reported_ = true;
  inexact_ = inexact_ || exact_run_may_tell_more(judged.incident.evidence, judged.verdict);
  if (rank == kRankRoot) {
    root_death_ = judged.incident.evidence.death;
    for (const OtherProcess& other : judged.incident.evidence.processes) explained_.push_back(other.pid);
  }
  if (rank == kRankChild && first_crash_ns_ == 0) first_crash_ns_ = judged.incident.began_ns;
  const bool chosen_path = options_.case_path && (rank == kRankRoot || !case_path_used_);
  const std::string saved = save_case(judged, chosen_path);
  if (options_.json_path) write_json(judged, rank);
  print(judged, saved);
  if (rank == kRankRoot || rank == kRankChild) draw(judged);
}

void Delivery::draw(const Judged& judged) const {
  if (!options_.memory.svg_path) return;
  const Status written =
      write_file_atomic(*options_.memory.svg_path, render_memory_svg(judged.incident.evidence), 0644);
  if (!written) complain(written.error());
}

void Delivery::write_json(const Judged& judged, int rank) {
  if (rank <= json_rank_) return;
  const Status written =
      write_file_atomic(*options_.json_path, render_json(judged.incident.evidence, judged.verdict), 0644);
  if (written)
    json_rank_ = rank;
  else
    complain(written.error());
}

std::string Delivery::save_case(const Judged& judged, bool chosen_path) {
  const Case& evidence = judged.incident.evidence;
  std::string path = chosen_path ? *options_.case_path : case_file_name(evidence.program);
  if (!chosen_path && !options_.case_directory.empty()) path = options_.case_directory + "/" + path;
  if (const Status written = write_file_atomic(path, case_to_json(evidence), 0600); !written) {
    complain(written.error());
    return {};
  }
  case_path_used_ = case_path_used_ || chosen_path;
  return path;
}

void Delivery::print(const Judged& judged, const std::string& case_path) const {
  if (options_.quiet || !options_.can_print) return;
  TextStyle style = style_for(STDERR_FILENO);
  style.verbose = options_.verbose;
  style.case_path = case_path;
  write_bounded(STDERR_FILENO, render_text(judged.incident.evidence, judged.verdict, style));
}

void Delivery::complain(const Error& error) const {
  if (options_.quiet || !options_.can_print) return;
  const std::string hint = error.hint.empty() ? "" : " (" + error.hint + ")";
  write_bounded(STDERR_FILENO, "segwhy: " + error.what + hint + "\n");
}

void Delivery::detach() {
  options_.can_print = false;
  redirect_to_null(STDERR_FILENO);
}

}  // namespace segwhy
