// The second run of `segwhy run --rerun`: the same command once more, with every access to its blocks checked to the
// byte. Its input and output are /dev/null; what it shows is printed on standard error and kept as a case of its own.
#pragma once

#include <string>
#include <vector>

#include "monitor/run_options.h"
#include "monitor/signal_state.h"

namespace segwhy {

class ExactRerun {
 public:
  // `received`: the signal state that the user's program is started with.
  ExactRerun(const RunOptions& first, const SignalState& received);

  // Runs to its end. Called in the front, with all signals blocked; `signals` is its signalfd: what would end the front
  // ends the rerun. Standard error must be the user's. Failures are one line, nothing else.
  void run(int signals) const;

 private:
  std::vector<std::string> again_;   // segwhy run ...
  std::vector<std::string> report_;  // segwhy report ...
  SignalState received_;
};

}  // namespace segwhy
