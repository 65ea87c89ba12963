// Python frames of code that AutoGraph generated, as the lines of the program that the code stands for.
//
// AutoGraph runs a rewritten copy of a function from a file of its own ("/tmp/__autograph_generated_file...", with 2.4
// "/tmp/tmp..."), which says nothing to its author. The table that the runtime keeps has AutoGraph's map from that
// file's lines to the program's; where it has one, the frame gets file, line and function of the original, and loses
// its columns. A frame without such a line stays what it is.
#pragma once

#include <vector>

#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"

namespace segwhy::tensorflow {

// The source text of the lines is left to the caller: it is emptied where a frame was changed.
void restore_written_frames(const Snapshot& snapshot, std::vector<Thread>& threads);

}  // namespace segwhy::tensorflow
