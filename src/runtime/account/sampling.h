// Poisson sampling of allocations by bytes: every byte has the same chance to select its block. Pure.
//
// With one sample in `mean` bytes on average, a block of s bytes is selected with the probability 1 - exp(-s / mean).
// It then stands for s / (1 - exp(-s / mean)) bytes: that makes the expectation of every sum right.
#pragma once

#include <stdint.h>

namespace segwhy::runtime::account {

// Next state of a xorshift generator; `state` must not be 0.
[[nodiscard]] constexpr uint64_t next_random(uint64_t state) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^ (state << 17);
}

// Natural logarithm of 1 <= m < 2, to 1e-5: the series of the area hyperbolic tangent.
[[nodiscard]] constexpr double log_of_mantissa(double m) {
  const double z = (m - 1) / (m + 1);
  const double q = z * z;
  return 2 * z * (1 + q * (1.0 / 3 + q * (1.0 / 5 + q * (1.0 / 7))));
}

// -ln(u), where u is uniform in (0, 1]: u is taken from the upper 53 bits of `random`.
[[nodiscard]] constexpr double exponential(uint64_t random) {
  constexpr double kLn2 = 0.6931471805599453;
  uint64_t bits = (random >> 11) + 1;  // 1 to 2^53
  int exponent = 0;
  while (bits < uint64_t{1} << 52) {
    bits <<= 1;
    --exponent;
  }
  if (bits == uint64_t{1} << 53) return 0;
  const double mantissa = static_cast<double>(bits) / static_cast<double>(uint64_t{1} << 52);
  return -(log_of_mantissa(mantissa) + (exponent - 1) * kLn2);
}

// Bytes until the next sample.
[[nodiscard]] constexpr int64_t next_interval(uint64_t random, uint64_t mean) {
  return static_cast<int64_t>(exponential(random) * static_cast<double>(mean)) + 1;
}

// Bytes that a selected block of `size` bytes, 0 < size <= mean, stands for: mean * x / (1 - exp(-x)) with x = size /
// mean, by its series, of which the next term is below 1e-6.
[[nodiscard]] constexpr uint64_t weight_of(uint64_t size, uint64_t mean) {
  const double x = static_cast<double>(size) / static_cast<double>(mean);
  const double q = x * x;
  const double factor = 1 + x / 2 + q * (1.0 / 12 - q * (1.0 / 720 - q / 30240));
  return static_cast<uint64_t>(factor * static_cast<double>(mean) + 0.5);
}

}  // namespace segwhy::runtime::account
