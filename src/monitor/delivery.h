// Delivery: where verdicts go: the terminal, the JSON file, the saved case. The one place that decides what is written.
//
// Single-threaded, in the monitor. A file that cannot be written is one clear line, never a failure of the run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diagnose/verdict.h"
#include "evidence/model/case.h"
#include "monitor/incident.h"

namespace segwhy {

struct DeliveryOptions {
  std::optional<std::string> json_path;
  std::optional<std::string> case_path;  // instead of segwhy-PROGRAM-PID.case
  std::string case_directory;            // of cases without a path of their own; empty: the working directory
  MemoryOptions memory;                  // `segwhy mem`: the end of the program is told in any case
  bool quiet = false;                    // never print
  bool verbose = false;                  // always print, everything
  bool can_print = true;                 // descriptor 2 is the user's
};

class Delivery {
 public:
  explicit Delivery(DeliveryOptions options) : options_(std::move(options)) {}

  // Judges and delivers one death. `root`: of the program itself.
  void deliver(Incident incident, bool root);
  // Whether the end of a program that ended with status 0 is written anywhere: gathering its Case takes milliseconds.
  [[nodiscard]] bool wants_plain_end() const {
    return options_.json_path || options_.case_path || options_.memory.asked || options_.memory.svg_path ||
           (options_.verbose && options_.can_print);
  }
  // The program is over; `failed`: it did not end with status 0. Delivers what was held back for it.
  void finish(bool failed);
  // No terminal any more: what comes goes to case files only.
  void detach();
  // Whether something was told of which an exact run may tell more.
  [[nodiscard]] bool is_inexact() const { return inexact_; }
  // Whether the user was told of any incident.
  [[nodiscard]] bool reported() const { return reported_; }

 private:
  struct Judged {
    Incident incident;
    Verdict verdict;
  };
  void tell(Judged judged, int rank);
  [[nodiscard]] bool is_explained(const Judged& judged) const;
  void write_json(const Judged& judged, int rank);
  // The path the case was saved at; empty when it was not.
  std::string save_case(const Judged& judged, bool chosen_path);
  // The picture of its memory, where one was asked for.
  void draw(const Judged& judged) const;
  void print(const Judged& judged, const std::string& case_path) const;
  void complain(const Error& error) const;

  DeliveryOptions options_;
  std::vector<Judged> held_;
  std::uint64_t first_crash_ns_ = 0;  // of the first child whose crash was told; CLOCK_MONOTONIC
  std::optional<Death> root_death_;
  std::vector<pid_t> explained_;  // processes whose part is told in the program's own report
  int json_rank_ = 0;             // of what the JSON file holds: it keeps the most telling death of the run
  bool case_path_used_ = false;
  bool reported_ = false;
  bool inexact_ = false;
};

}  // namespace segwhy
