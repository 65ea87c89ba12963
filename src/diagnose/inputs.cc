#include "diagnose/inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <functional>

#include "base/text.h"
#include "diagnose/access.h"
#include "diagnose/messages/lines.h"
#include "diagnose/where.h"

namespace segwhy {
namespace {

using Kind = Oddity::Kind;

// An operand of a division is a scalar or a short list: strides, sizes, counts.
constexpr std::int64_t kFewElements = 8;

// The whole and decimal numbers in a preview like "[1, -2, 3.5, nan, inf]".
std::vector<double> numbers_in(std::string_view text) {
  std::vector<double> numbers;
  while (!text.empty()) {
    const auto start = text.find_first_of("-0123456789ni");
    if (start == std::string_view::npos) break;
    text.remove_prefix(start);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto used = error == std::errc{} ? static_cast<std::size_t>(end - text.data()) : std::size_t{1};
    if (error == std::errc{}) numbers.push_back(value);
    text.remove_prefix(std::max<std::size_t>(used, 1));
  }
  return numbers;
}

bool is_signed_integer(std::string_view dtype) {
  return dtype.starts_with("int");
}
bool is_floating_point(std::string_view dtype) {
  return text::contains_any(dtype, {"float", "double", "half"});
}

bool is_empty(const TensorInfo& input) {
  return input.shape && std::find(input.shape->begin(), input.shape->end(), 0) != input.shape->end();
}

bool holds_any(const TensorInfo& input, const std::function<bool(double)>& test) {
  const std::vector<double> numbers = numbers_of(input);
  return std::any_of(numbers.begin(), numbers.end(), test);
}

const std::vector<TensorInfo>& inputs_of(const Facts& facts) {
  static const std::vector<TensorInfo> none;
  const Framework* op = blamed_op(facts);
  return op == nullptr ? none : op->inputs;
}

// A short list of sizes whose product no 64 bits hold: what a shape of these sizes would have for elements.
bool product_overflows(const TensorInfo& input) {
  if (!input.shape || input.shape->size() != 1 || element_count(*input.shape) > kFewElements) return false;
  std::int64_t product = 1;
  for (const double number : numbers_of(input)) {
    if (number < 1 || number >= 0x1p63) return false;
    if (__builtin_mul_overflow(product, static_cast<std::int64_t>(number), &product)) return true;
  }
  return false;
}

std::optional<Kind> general_oddity(const TensorInfo& input) {
  if (is_empty(input)) return Kind::kEmpty;
  if (is_floating_point(input.dtype) && holds_any(input, [](double v) { return !std::isfinite(v); }))
    return Kind::kNotFinite;
  if (!is_integer(input.dtype)) return std::nullopt;
  if (holds_any(input, [](double v) { return v < 0; })) return Kind::kNegative;
  if (product_overflows(input)) return Kind::kProduct;
  // Among many numbers a large one is no surprise.
  const std::vector<double> shown = numbers_in(input.preview);
  if (std::any_of(shown.begin(), shown.end(), [](double v) { return v > 1e6; })) return Kind::kVeryLarge;
  return std::nullopt;
}

// The faulting access was computed from a number of a small input: that one, and no empty neighbour, is involved.
bool explains_registers(const Fault* fault, const TensorInfo& input) {
  const Operand* operand = fault == nullptr ? nullptr : faulting_operand(*fault);
  if (operand == nullptr || !is_integer(input.dtype) || !input.shape || element_count(*input.shape) > kFewElements)
    return false;
  return holds_any(input, [&](double number) {
    // 0 and 1 are in every other register.
    return std::fabs(number) >= 2 && std::any_of(operand->registers.begin(), operand->registers.end(), [&](auto& r) {
             return std::fabs(static_cast<double>(static_cast<std::int64_t>(r.second))) == std::fabs(number);
           });
  });
}

bool is_small_with_zero(const TensorInfo& input) {
  const bool few = input.shape && element_count(*input.shape) <= kFewElements;
  return few && is_integer(input.dtype) && holds_any(input, [](double v) { return v == 0; });
}

double smallest_of(std::string_view dtype) {
  if (dtype == "int8") return -0x1p7;
  if (dtype == "int16") return -0x1p15;
  return dtype == "int32" ? -0x1p31 : -0x1p63;
}

// What a check says of an input: its number of elements or of dimensions, and which number it had.
struct Comparison {
  bool of_rank = false;
  std::int64_t had = 0;
};

bool is_count(std::string_view side) {
  return text::contains(side, "NumElements()");
}
bool is_rank(std::string_view side) {
  return text::contains_any(side, {"dims()", "rank()"}) && !is_count(side);
}

// The side that asks the input is the one it had; a side that asks one, too, leaves open which is meant.
std::optional<Comparison> compared_in(const text::CheckFailure& check) {
  const auto left = text::leading_number(check.left);
  const auto right = text::leading_number(check.right);
  if (!left || !right) return std::nullopt;
  for (const std::string_view sign : {" == ", " >= ", " <= ", " > ", " < "}) {
    const auto at = check.expression.find(sign);
    if (at == std::string::npos) continue;
    const auto first = std::string_view(check.expression).substr(0, at);
    const auto second = std::string_view(check.expression).substr(at + sign.size());
    const bool first_asks = is_count(first) || is_rank(first);
    const bool second_asks = is_count(second) || is_rank(second);
    if (first_asks == second_asks) return std::nullopt;
    return Comparison{is_rank(first_asks ? first : second), static_cast<std::int64_t>(first_asks ? *left : *right)};
  }
  return std::nullopt;
}

// What is shown of an input's numbers, or the one that is odd where that may not be among them: "-3 at element 41".
std::string values_phrase(const Oddity& oddity) {
  const TensorInfo& input = *oddity.input;
  if (oddity.kind == Kind::kNegative && input.range)
    return fmt::format("{} at element {}", input.range->least, input.range->least_at);
  return text::shortened(input.preview, 40);
}

bool is_in_framework(const NativeFrame& frame, const Framework& framework) {
  return frame.module.find("/" + framework.name + "/") != std::string::npos;
}

}  // namespace

std::vector<double> numbers_of(const TensorInfo& input) {
  std::vector<double> out = numbers_in(input.preview);
  if (!input.range) return out;
  for (const std::int64_t number : {input.range->least, input.range->most}) out.push_back(static_cast<double>(number));
  return out;
}

bool is_integer(std::string_view dtype) {
  return is_signed_integer(dtype) || dtype.starts_with("uint");
}

std::int64_t element_count(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape)
    if (__builtin_mul_overflow(count, size, &count)) return -1;
  return count;
}

const PythonFrame* user_code_inside_op(const Facts& facts) {
  const auto& framework = facts.evidence.framework;
  if (!framework || framework->op.empty() || facts.crashed == nullptr) return nullptr;
  const Thread& thread = *facts.crashed;
  const PythonFrame* user = nullptr;
  for (const MergedFrame& merged : thread.merged) {
    if (merged.is_python && merged.index < thread.python.size()) {
      const PythonFrame& frame = thread.python[merged.index];
      if (user == nullptr && frame.origin == "user" && is_user_file(frame.file)) user = &frame;
    } else if (!merged.is_python && merged.index < thread.native.size() &&
               is_in_framework(thread.native[merged.index], *framework)) {
      return user;
    }
  }
  return nullptr;
}

const Framework* blamed_op(const Facts& facts) {
  const auto& framework = facts.evidence.framework;
  const bool known = framework && !framework->op.empty();
  return known && user_code_inside_op(facts) == nullptr ? &*framework : nullptr;
}

std::vector<Oddity> odd_inputs(const Facts& facts) {
  const std::vector<TensorInfo>& inputs = inputs_of(facts);
  const bool explained = std::any_of(inputs.begin(), inputs.end(),
                                     [&](const TensorInfo& i) { return explains_registers(facts.fault(), i); });
  std::vector<Oddity> odd;
  for (const TensorInfo& input : inputs) {
    const auto kind = general_oddity(input);
    if (kind && !(explained && *kind == Kind::kEmpty)) odd.push_back({&input, *kind});
  }
  return odd;
}

std::vector<Oddity> zero_inputs(const Facts& facts) {
  std::vector<Oddity> odd;
  for (const TensorInfo& input : inputs_of(facts)) {
    if (is_empty(input))
      odd.push_back({&input, Kind::kEmpty});
    else if (is_small_with_zero(input))
      odd.push_back({&input, Kind::kZero});
  }
  return odd;
}

std::vector<std::string> zero_attributes(const Facts& facts, bool scalars) {
  std::vector<std::string> out;
  const Framework* op = blamed_op(facts);
  if (op == nullptr) return out;
  for (const auto& [name, value] : op->attributes) {
    const bool is_whole = value.find_first_not_of("[]-0123456789, ") == std::string::npos;
    const std::vector<double> numbers = numbers_in(value);
    if (!is_whole || std::find(numbers.begin(), numbers.end(), 0) == numbers.end()) continue;
    if (value.front() == '[')
      out.push_back(fmt::format("attribute {} holds 0 ({})", name, text::shortened(value, 40)));
    else if (scalars && !name.starts_with("seed"))
      out.push_back(fmt::format("attribute {} is 0", name));
  }
  return out;
}

std::vector<Oddity> inputs_with_zero(const Facts& facts) {
  std::vector<Oddity> odd;
  for (const TensorInfo& input : inputs_of(facts))
    if (!is_empty(input) && is_small_with_zero(input)) odd.push_back({&input, Kind::kZero});
  return odd;
}

std::vector<Oddity> overflow_inputs(const Facts& facts) {
  std::vector<Oddity> odd;
  for (const TensorInfo& input : inputs_of(facts)) {
    if (!is_signed_integer(input.dtype)) continue;
    const double smallest = smallest_of(input.dtype);
    if (holds_any(input, [](double v) { return v == -1; })) odd.push_back({&input, Kind::kMinusOne});
    if (holds_any(input, [&](double v) { return v == smallest; })) odd.push_back({&input, Kind::kSmallest});
  }
  return odd;
}

std::vector<Oddity> inputs_of_words(const Facts& facts, std::string_view words) {
  std::string lower(words);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const bool of_nothing = text::contains_any(lower, {"zero", "empty", "positive", "non-null", "> 0", "!= 0"});
  return of_nothing ? zero_inputs(facts) : std::vector<Oddity>{};
}

std::vector<Oddity> inputs_of_check(const Facts& facts, const text::CheckFailure& check) {
  const auto comparison = compared_in(check);
  if (!comparison) return {};
  std::vector<Oddity> odd;
  for (const TensorInfo& input : inputs_of(facts)) {
    if (!input.shape) continue;
    const std::int64_t has =
        comparison->of_rank ? static_cast<std::int64_t>(input.shape->size()) : element_count(*input.shape);
    if (has == comparison->had) odd.push_back({&input, comparison->of_rank ? Kind::kRank : Kind::kCount});
  }
  constexpr std::size_t kFew = 2;
  if (odd.size() <= kFew) return odd;
  return {};
}

std::vector<Oddity> inputs_behind_negative(const Facts& facts) {
  std::vector<Oddity> odd = odd_inputs(facts);
  std::erase_if(odd, [](const Oddity& o) {
    return o.kind != Kind::kNegative && o.kind != Kind::kVeryLarge && o.kind != Kind::kProduct;
  });
  return odd;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return "[" + fmt::format("{}", fmt::join(shape, ", ")) + "]";
}

std::string describe(const Oddity& oddity) {
  const TensorInfo& input = *oddity.input;
  const std::string name = input.name.empty() ? "an input" : input.name;
  const std::string values = values_phrase(oddity);
  const std::string shape = input.shape ? shape_text(*input.shape) : "unknown";
  switch (oddity.kind) {
    case Kind::kEmpty:
      return fmt::format("{} is empty (shape {})", name, shape);
    case Kind::kNegative:
      return fmt::format("{} holds a negative number ({})", name, values);
    case Kind::kVeryLarge:
      return fmt::format("{} holds a very large number ({})", name, values);
    case Kind::kNotFinite:
      return fmt::format("{} holds NaN or an infinity ({})", name, values);
    case Kind::kProduct:
      return fmt::format("the product of the numbers in {} does not fit in 64 bits ({})", name, values);
    case Kind::kZero:
      return fmt::format("{} holds 0 ({})", name, values);
    case Kind::kMinusOne:
      return fmt::format("{} holds -1 ({})", name, values);
    case Kind::kSmallest:
      return fmt::format("{} holds the smallest {} ({})", name, input.dtype, values);
    case Kind::kRank:
      return fmt::format("{} has {} dimension{} (shape {})", name, input.shape->size(),
                         input.shape->size() == 1 ? "" : "s", shape);
    case Kind::kCount:
      break;
  }
  return fmt::format("{} has {} elements (shape {})", name, element_count(*input.shape), shape);
}

std::string describe(const std::vector<Oddity>& oddities) {
  std::vector<std::string> parts;
  for (const Oddity& oddity : oddities) parts.push_back(describe(oddity));
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace segwhy
