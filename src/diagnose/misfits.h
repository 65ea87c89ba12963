// Inputs of the op at work that do not fit each other, by their shapes, numbers and the op's attributes alone: nothing
// else is known here of what an op does with them. What a kernel that trusts its arguments trips over.
//
// Each is a sentence for the evidence, to be taken as likely: numbers that lead to the faulting address are a strong
// sign, and still another input may have been the wrong one. Pure and thread-safe.
#pragma once

#include <string>
#include <vector>

#include "diagnose/facts.h"
#include "diagnose/inputs.h"

namespace segwhy {

// Of a memory fault:
// - an index that is beyond a dimension of another input and leads from its buffer to the faulting address;
// - an index beyond all dimensions of all other inputs that the faulting access was computed from;
// - a sparse tensor's three parts (indices [n, r], values [n], shape [r]) that disagree;
// - an index in such indices beyond the shape that goes with them;
// - row splits (the inputs that the op's attributes count as such) that do not start at 0, descend, or do not end at
// the
//   number of rows that they split;
// - ranges of quantised values whose minimum is above their maximum.
// None of other deaths, and none of an op that is not to be blamed (see blamed_op).
[[nodiscard]] std::vector<std::string> input_misfits(const Facts& facts);

// What to look at before all else: the misfits, and the odd inputs (inputs.h) that are worth a word beside them. Where
// inputs do not fit each other, or the block is known that the access went past, an empty one is seldom what went
// wrong.
struct Suspects {
  std::vector<std::string> misfits;
  std::vector<Oddity> odd;
};
[[nodiscard]] Suspects suspects_of(const Facts& facts);

}  // namespace segwhy
