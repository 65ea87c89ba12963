// Turns a Capture into a Case: runs unwind, symbols, pystate, frameworks and decode over one snapshot, in order.
#pragma once

#include "capture/capture.h"
#include "evidence/model/case.h"
#include "history/history.h"

namespace segwhy {

// Fills threads, fault, framework and the memory-derived parts of program and messages; with `recorder`, also what the
// heap's flight recorder tells of blocks. What fails becomes a sentence in CaptureInfo::limits; never fails as a whole.
void assemble_from_capture(const Capture& capture, Case& into, const history::Query* recorder = nullptr);

}  // namespace segwhy
