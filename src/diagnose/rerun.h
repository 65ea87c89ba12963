// Commands that run the program again, to be pasted into a shell, and the experiments made of them. Pure and
// thread-safe.
#pragma once

#include <string>
#include <vector>

#include "diagnose/facts.h"

namespace segwhy {

// The run's command line with `environment` in front: "OMP_NUM_THREADS=1 segwhy run -- python a.py". Where it cannot be
// pasted (its text was lost or is too long, or it read its program from a pipe) a sentence that says what to change:
// "as before, with OMP_NUM_THREADS=1 in the environment". `options`: of segwhy run, "--protect exact".
[[nodiscard]] std::string rerun(const Facts& facts, const std::string& environment, const std::string& options = {});

// Set where TensorFlow's functions were made to run eagerly (`segwhy run --eager`).
inline constexpr char kEagerVariable[] = "SEGWHY_EAGER";

// What to do about a native death in a graph of TensorFlow's; empty for any other.
[[nodiscard]] std::string eager_advice(const Facts& facts);

// Reruns that separate memory errors from each other, most telling first. None where the access shows that no heap
// block is involved.
[[nodiscard]] std::vector<std::string> memory_experiments(const Facts& facts);

}  // namespace segwhy
