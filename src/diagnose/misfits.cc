#include "diagnose/misfits.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "diagnose/access.h"
#include "diagnose/inputs.h"

namespace segwhy {
namespace {

using Inputs = std::vector<TensorInfo>;

constexpr std::size_t kMost = 3;

// The whole numbers that are known of an integer input.
std::vector<std::int64_t> whole_numbers(const TensorInfo& input) {
  std::vector<std::int64_t> out;
  if (!is_integer(input.dtype)) return out;
  constexpr double kExact = 0x1p53;  // beyond, a double does not hold every number
  for (const double number : numbers_of(input))
    if (std::fabs(number) < kExact && number == std::trunc(number)) out.push_back(static_cast<std::int64_t>(number));
  return out;
}

// The first ones, all of them where there are no more: the n-th is at element n. Empty when one cannot be read.
std::vector<std::int64_t> first_numbers(const TensorInfo& input) {
  TensorInfo shown = input;
  shown.range.reset();
  std::vector<std::int64_t> out = whole_numbers(shown);
  return out.size() == numbers_of(shown).size() ? out : std::vector<std::int64_t>();
}

// Does `index` in dimension `d` of `data` lead to `address`, beyond that dimension?
bool leads_to(const TensorInfo& data, std::size_t d, std::int64_t index, Address address) {
  const std::int64_t elements = element_count(*data.shape);
  if (elements <= 0 || *data.bytes % static_cast<std::uint64_t>(elements) != 0) return false;
  auto stride = static_cast<std::int64_t>(*data.bytes / static_cast<std::uint64_t>(elements));
  for (std::size_t i = d + 1; i < data.shape->size(); ++i) stride *= (*data.shape)[i];
  if (index >= 0 && index < (*data.shape)[d]) return false;
  std::int64_t offset = 0;
  if (__builtin_mul_overflow(index, stride, &offset)) return false;
  const std::uint64_t row = *data.buffer + static_cast<std::uint64_t>(offset);
  return address - row < static_cast<std::uint64_t>(stride);
}

void add_indices_that_lead_there(const Inputs& inputs, Address address, std::vector<std::string>& out) {
  for (const TensorInfo& indices : inputs) {
    for (const std::int64_t index : whole_numbers(indices)) {
      for (const TensorInfo& data : inputs) {
        if (&data == &indices || !data.shape || !data.buffer || !data.bytes) continue;
        for (std::size_t d = 0; d < data.shape->size(); ++d) {
          if (!leads_to(data, d, index, address)) continue;
          out.push_back(fmt::format(
              "Taken as an index, {} in {} is beyond dimension {} of {} (shape {}) and leads to the faulting "
              "address.",
              index, indices.name, d, data.name, shape_text(*data.shape)));
          return;
        }
      }
    }
  }
}

// The faulting access was computed from that number. Small ones are in every other register.
bool is_in_registers(const Fault& fault, std::int64_t number) {
  constexpr std::int64_t kTelling = 16;
  const Operand* operand = faulting_operand(fault);
  if (operand == nullptr || std::llabs(number) < kTelling) return false;
  return std::any_of(operand->registers.begin(), operand->registers.end(),
                     [&](const auto& r) { return static_cast<std::int64_t>(r.second) == number; });
}

void add_indices_in_registers(const Inputs& inputs, const Fault& fault, std::vector<std::string>& out) {
  for (const TensorInfo& indices : inputs) {
    std::int64_t largest = 0;
    for (const TensorInfo& other : inputs) {
      if (&other == &indices || !other.shape) continue;
      for (const std::int64_t size : *other.shape) largest = std::max(largest, size);
    }
    for (const std::int64_t index : whole_numbers(indices)) {
      if (largest == 0 || index < largest || !is_in_registers(fault, index)) continue;
      out.push_back(fmt::format(
          "{} in {} is beyond every dimension of the other inputs (the largest is {}), and the faulting access was "
          "computed from it.",
          index, indices.name, largest));
      return;
    }
  }
}

struct KnownNumber {
  std::uint64_t at = 0;
  std::int64_t number = 0;
};

// The first numbers and the extremes.
std::vector<KnownNumber> known_numbers(const TensorInfo& input) {
  std::vector<KnownNumber> out;
  for (const std::int64_t number : first_numbers(input)) out.push_back({out.size(), number});
  if (!input.range) return out;
  out.push_back({input.range->least_at, input.range->least});
  out.push_back({input.range->most_at, input.range->most});
  return out;
}

// Inputs i to i + 2 look like what TensorFlow makes of a sparse tensor: indices and shape are int64, in these ranks.
bool may_be_sparse(const Inputs& inputs, std::size_t i) {
  const auto is = [&](std::size_t at, std::size_t rank) {
    return inputs[at].shape && inputs[at].shape->size() == rank;
  };
  return i + 2 < inputs.size() && is(i, 2) && is(i + 1, 1) && is(i + 2, 1) && inputs[i].dtype == "int64" &&
         inputs[i + 2].dtype == "int64";
}

void add_sparse_parts(const Inputs& inputs, std::size_t i, std::vector<std::string>& out) {
  const TensorInfo &indices = inputs[i], &values = inputs[i + 1], &shape = inputs[i + 2];
  const std::int64_t rows = (*indices.shape)[0], columns = (*indices.shape)[1];
  if (rows != (*values.shape)[0])
    out.push_back(fmt::format("As parts of a sparse tensor, {} has {} indices and {} has {} values.", indices.name,
                              rows, values.name, (*values.shape)[0]));
  if (columns != (*shape.shape)[0])
    out.push_back(
        fmt::format("As parts of a sparse tensor, the indices in {} have {} columns and the shape in {} has {} "
                    "dimensions.",
                    indices.name, columns, shape.name, (*shape.shape)[0]));
  const auto sizes = first_numbers(shape);
  if (columns <= 0 || static_cast<std::int64_t>(sizes.size()) != columns) return;
  for (const auto& [at, number] : known_numbers(indices)) {
    const std::size_t column = at % static_cast<std::size_t>(columns);
    if (number >= 0 && number < sizes[column]) continue;
    out.push_back(
        fmt::format("As parts of a sparse tensor, index {} in {} is beyond dimension {} of the shape in {} ({}).",
                    number, indices.name, column, shape.name, shape.preview));
    return;
  }
}

// --- row splits ---

bool may_be_row_splits(const TensorInfo& input) {
  return (input.dtype == "int32" || input.dtype == "int64") && input.shape && input.shape->size() == 1;
}

// How many of the op's first inputs are row splits, the values that they split being next: ops that take one ragged
// tensor count them in an attribute, but for those that always take one. 0: it has none, or it is not sure.
std::size_t row_splits_of(const Framework& op) {
  if (op.op == "RaggedBincount" || op.op == "RaggedCountSparseOutput")
    return op.inputs.size() > 1 && may_be_row_splits(op.inputs[0]) ? 1 : 0;
  constexpr std::string_view kCount = "RAGGED_RANK", kOfOutput = "OUTPUT";
  std::optional<std::uint64_t> count;
  for (const auto& [name, value] : op.attributes) {
    if (!name.ends_with(kCount) || name.starts_with(kOfOutput)) continue;
    if (count) return 0;
    count = parse_number(value);
  }
  if (!count || *count >= op.inputs.size()) return 0;
  const auto end = op.inputs.begin() + static_cast<std::ptrdiff_t>(*count);
  return std::all_of(op.inputs.begin(), end, may_be_row_splits) ? *count : 0;
}

// `nested`: what is split are row splits themselves, n + 1 of them for n rows.
void add_row_splits(const TensorInfo& splits, const TensorInfo& split, bool nested, std::vector<std::string>& out) {
  const std::vector<std::int64_t> numbers = first_numbers(splits);
  if (numbers.empty()) return;
  const std::string what = fmt::format("As row splits of {}, {}", split.name, splits.name);
  if (numbers.front() != 0) out.push_back(fmt::format("{} starts at {} and not at 0.", what, numbers.front()));
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    if (numbers[i] >= numbers[i - 1]) continue;
    out.push_back(fmt::format("{} descends from {} to {} at element {}.", what, numbers[i - 1], numbers[i], i));
    return;
  }
  const bool all_known = static_cast<std::int64_t>(numbers.size()) == (*splits.shape)[0];
  if (!all_known || !split.shape || split.shape->empty()) return;
  const std::int64_t rows = (*split.shape)[0] - (nested ? 1 : 0);
  if (numbers.back() != rows)
    out.push_back(fmt::format("{} ends at {}, and there are {} rows.", what, numbers.back(), rows));
}

void add_ragged_parts(const Framework& op, std::vector<std::string>& out) {
  const std::size_t count = row_splits_of(op);
  for (std::size_t i = 0; i < count; ++i) add_row_splits(op.inputs[i], op.inputs[i + 1], i + 1 < count, out);
}

// --- ranges of quantised values ---

bool is_quantised(const TensorInfo& tensor) {
  return tensor.dtype.starts_with("qint") || tensor.dtype.starts_with("quint");
}

// A float32 that stands alone: how TensorFlow hands ends of ranges to ops.
std::optional<double> end_of_range(const TensorInfo& input) {
  if (input.dtype != "float32" || !input.shape || element_count(*input.shape) != 1) return std::nullopt;
  const std::vector<double> numbers = numbers_of(input);
  return numbers.size() == 1 ? std::optional(numbers.front()) : std::nullopt;
}

// The last inputs, behind quantised ones: minimum and maximum in turn, or (attribute N) all of the minima first.
void add_ranges(const Framework& op, std::vector<std::string>& out) {
  const Inputs& inputs = op.inputs;
  std::size_t first = inputs.size();
  while (first > 0 && end_of_range(inputs[first - 1])) --first;
  const std::size_t count = inputs.size() - first;
  if (count == 0 || count % 2 != 0 || first == 0 || !is_quantised(inputs[first - 1])) return;
  const bool minima_first = op.attributes.contains("N");
  for (std::size_t i = 0; i < count / 2; ++i) {
    const TensorInfo& least = inputs[first + (minima_first ? i : 2 * i)];
    const TensorInfo& most = inputs[first + (minima_first ? i + count / 2 : 2 * i + 1)];
    if (!(*end_of_range(least) > *end_of_range(most))) continue;
    out.push_back(fmt::format("As a range of quantised values, {} ({}) is above {} ({}).", least.name, least.preview,
                              most.name, most.preview));
  }
}

}  // namespace

std::vector<std::string> input_misfits(const Facts& facts) {
  const Framework* op = blamed_op(facts);
  if (op == nullptr || !facts.memory_fault() || facts.fault() == nullptr) return {};
  std::vector<std::string> out;
  const Fault& fault = *facts.fault();
  if (fault.address) add_indices_that_lead_there(op->inputs, *fault.address, out);
  if (out.empty()) add_indices_in_registers(op->inputs, fault, out);
  for (std::size_t i = 0; i < op->inputs.size(); ++i)
    if (may_be_sparse(op->inputs, i)) add_sparse_parts(op->inputs, i, out);
  add_ragged_parts(*op, out);
  add_ranges(*op, out);
  if (out.size() > kMost) out.resize(kMost);
  return out;
}

Suspects suspects_of(const Facts& facts) {
  Suspects out{input_misfits(facts), odd_inputs(facts)};
  if (!out.misfits.empty() || facts.evidence.block)
    std::erase_if(out.odd, [](const Oddity& o) { return o.kind == Oddity::Kind::kEmpty; });
  return out;
}

}  // namespace segwhy
