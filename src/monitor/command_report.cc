#include <unistd.h>

#include <cerrno>

#include "assemble/assemble.h"
#include "base/clock.h"
#include "base/file.h"
#include "capture/capture.h"
#include "diagnose/diagnose.h"
#include "evidence/model/case_json.h"
#include "monitor/commands.h"
#include "monitor/terminal.h"
#include "monitor/version.h"
#include "report/report.h"

namespace segwhy {
namespace {

constexpr int kFailed = 2;

int failed(const Error& error) {
  print_error(error.what, error.hint);
  return kFailed;
}

// Judges `evidence`, writes the JSON where asked, and prints the report to standard output.
int judge_and_print(const Case& evidence, const ReportOptions& options, const std::string& case_path) {
  const Verdict verdict = diagnose(evidence);
  if (options.json_path)
    if (const Status written = write_file_atomic(*options.json_path, render_json(evidence, verdict), 0644); !written)
      return failed(written.error());
  TextStyle style = style_for(STDOUT_FILENO);
  style.verbose = options.verbose;
  style.case_path = case_path;
  const bool printed = write_bounded(STDOUT_FILENO, render_text(evidence, verdict, style));
  return printed ? 0 : failed({"the report could not be written to standard output", {}});
}

Death death_of_core(const Snapshot& snapshot) {
  Death death;
  death.kind = snapshot.signal ? "signal" : "none";
  if (!snapshot.signal) return death;
  death.signal = snapshot.signal->number;
  death.code = snapshot.signal->code;
  death.dumped_core = true;
  if (snapshot.signal->code > 0) {
    death.address = snapshot.signal->address.value();
  } else {
    death.sender_pid = snapshot.signal->sender_pid;
    death.sender_uid = snapshot.signal->sender_uid;
  }
  return death;
}

}  // namespace

void print_error(const std::string& what, const std::string& hint) {
  write_bounded(STDERR_FILENO, "segwhy: " + what + (hint.empty() ? "" : " (" + hint + ")") + "\n");
}

int report_command(const ReportOptions& options) {
  const auto text = read_file(options.path);
  if (!text) return failed(text.error());
  const auto evidence = case_from_json(*text);
  if (!evidence) return failed({options.path + ": " + evidence.error().what, evidence.error().hint});
  return judge_and_print(*evidence, options, options.path);
}

int core_command(const ReportOptions& options) {
  const std::uint64_t began = monotonic_ns();
  const auto capture = capture_core(options.path);
  if (!capture) return failed(capture.error());
  Case evidence;
  evidence.program.pid = (*capture)->snapshot().pid;
  evidence.program.executable = (*capture)->snapshot().executable;
  evidence.death = death_of_core((*capture)->snapshot());
  evidence.capture.protection = "off";
  evidence.capture.segwhy_version = kVersionText;
  assemble_from_capture(**capture, evidence);
  evidence.capture.capture_ms = evidence.capture.total_ms = static_cast<double>(monotonic_ns() - began) / 1e6;
  if (options.case_path)
    if (const Status saved = write_file_atomic(*options.case_path, case_to_json(evidence), 0600); !saved)
      return failed(saved.error());
  return judge_and_print(evidence, options, options.case_path.value_or(""));
}

}  // namespace segwhy
