#include "diagnose/misfits.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "diagnose/access.h"
#include "diagnose/inputs.h"

namespace segwhy {
namespace {

using Inputs = std::vector<TensorInfo>;

constexpr std::size_t kMost = 3;

// The whole numbers that are shown of an integer input.
std::vector<std::int64_t> whole_numbers(const TensorInfo& input) {
  std::vector<std::int64_t> out;
  if (!is_integer(input.dtype)) return out;
  constexpr double kExact = 0x1p53;  // beyond, a double does not hold every number
  for (const double number : numbers_of(input))
    if (std::fabs(number) < kExact && number == std::trunc(number)) out.push_back(static_cast<std::int64_t>(number));
  return out;
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
  const auto sizes = whole_numbers(shape);
  const auto numbers = whole_numbers(indices);
  if (columns <= 0 || static_cast<std::int64_t>(sizes.size()) != columns) return;
  for (std::size_t n = 0; n < numbers.size(); ++n) {
    const std::size_t column = n % static_cast<std::size_t>(columns);
    if (numbers[n] >= 0 && numbers[n] < sizes[column]) continue;
    out.push_back(
        fmt::format("As parts of a sparse tensor, index {} in {} is beyond dimension {} of the shape in {} ({}).",
                    numbers[n], indices.name, column, shape.name, shape.preview));
    return;
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
  if (out.size() > kMost) out.resize(kMost);
  return out;
}

}  // namespace segwhy
