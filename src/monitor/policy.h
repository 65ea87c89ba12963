// When the user is told of a death. Pure.
//
// A program that ends well, or badly in a way it explains itself (a Python traceback, an exit status of its own), or as
// its user meant it to (Ctrl-C), gets no report.
#pragma once

#include "diagnose/verdict.h"
#include "evidence/model/case.h"

namespace segwhy {

enum class Telling {
  kSilent,  // nothing to tell
  kHold,    // tell if the program as a whole fails: a killed worker may be the reason, or its parent's usual way to end
            // it
  kTell,
};

// `root`: the process is the program the user started, not a descendant of it.
[[nodiscard]] Telling telling_of(const Case& evidence, const Verdict& verdict, bool root);

// Whether a run with every access checked may name the cause, or the first wrong access, where `verdict` does not.
[[nodiscard]] bool exact_run_may_tell_more(const Case& evidence, const Verdict& verdict);

// "segwhy-train-1234.case": script or program name, only of characters that are safe in a file name.
[[nodiscard]] std::string case_file_name(const Program& program);

}  // namespace segwhy
