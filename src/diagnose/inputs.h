// The op that ran and which of its inputs are suspect, by numbers: phrases are made of it last.
//
// A suspect must have something to do with the death. A 0 among an array's values has not, except where something was
// divided; an empty input has not when another input's number is what the faulting access was computed from.
// Pure and thread-safe. Pointers point into the Case.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "diagnose/facts.h"
#include "diagnose/messages/check.h"

namespace segwhy {

// The op whose kernel died; nullptr without one, and where the kernel had called Python code of the user's, in which
// the crash is: the op is only where that code was called from then.
[[nodiscard]] const Framework* blamed_op(const Facts& facts);
// The user's function that the op's kernel had called when the crash happened in it; nullptr else.
[[nodiscard]] const PythonFrame* user_code_inside_op(const Facts& facts);

struct Oddity {
  enum class Kind { kEmpty, kNegative, kVeryLarge, kNotFinite, kZero, kMinusOne, kSmallest, kCount, kRank, kProduct };
  const TensorInfo* input = nullptr;
  Kind kind = Kind::kEmpty;
};

// What a kernel most easily trips over: emptiness, negative and huge integers, NaN and infinity.
[[nodiscard]] std::vector<Oddity> odd_inputs(const Facts& facts);
// Of a division by zero: small inputs that hold 0, and empty ones.
[[nodiscard]] std::vector<Oddity> zero_inputs(const Facts& facts);
// Of a quotient that does not fit: inputs that hold -1 or the smallest number of their type.
[[nodiscard]] std::vector<Oddity> overflow_inputs(const Facts& facts);
// Small integer inputs that hold 0: worth a look where a kernel gave up without saying why.
[[nodiscard]] std::vector<Oddity> inputs_with_zero(const Facts& facts);
// Of an abort: what the last words speak of ("no zero-sized FFTs", "must not be empty"): zeros among the small inputs,
// and empty ones. None when the words speak of something else.
[[nodiscard]] std::vector<Oddity> inputs_of_words(const Facts& facts, std::string_view words);
// Of a failed check that compares an input's element count or rank: the inputs that have the number it did not want,
// unless those are many.
[[nodiscard]] std::vector<Oddity> inputs_of_check(const Facts& facts, const text::CheckFailure& check);
// Inputs that a negative size or count may come from: negative and very large numbers.
[[nodiscard]] std::vector<Oddity> inputs_behind_negative(const Facts& facts);

// Of a division by zero: attributes of the op that hold 0, as phrases: "attribute strides holds 0 ([1, 0, 0, 1])".
// Those that are one number only where `scalars`: axes and seeds are 0 more often than not.
[[nodiscard]] std::vector<std::string> zero_attributes(const Facts& facts, bool scalars);

// The whole and decimal numbers in the input's preview, NaN and infinities too, and the extremes of what the preview
// leaves out; empty without any.
[[nodiscard]] std::vector<double> numbers_of(const TensorInfo& input);
// Signed and unsigned types.
[[nodiscard]] bool is_integer(std::string_view dtype);
// The product of the sizes; -1 when it does not fit.
[[nodiscard]] std::int64_t element_count(const std::vector<std::int64_t>& shape);

// "input 1 is empty (shape [0, 3])".
[[nodiscard]] std::string describe(const Oddity& oddity);
[[nodiscard]] std::string describe(const std::vector<Oddity>& oddities);  // joined by "; "
// "[0, 3]"
[[nodiscard]] std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace segwhy
