#include "assemble/block_tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace segwhy {
namespace {

constexpr std::size_t kMaxNamed = 3;  // tensors that share one block

// How many elements; nullopt for a shape that no tensor has.
std::optional<std::uint64_t> elements_of(const std::vector<std::int64_t>& shape) {
  std::uint64_t count = 1;
  for (const std::int64_t size : shape)
    if (size < 0 || __builtin_mul_overflow(count, static_cast<std::uint64_t>(size), &count)) return std::nullopt;
  return count;
}

// Row-major, as the frameworks lay out what they compute on. `flat` is below the number of elements, which is not 0.
std::vector<std::uint64_t> index_of(std::uint64_t flat, const std::vector<std::int64_t>& shape) {
  std::vector<std::uint64_t> index(shape.size());
  for (std::size_t i = shape.size(); i-- > 0;) {
    index[i] = flat % static_cast<std::uint64_t>(shape[i]);
    flat /= static_cast<std::uint64_t>(shape[i]);
  }
  return index;
}

std::string position(std::int64_t distance, const TensorInfo& input) {
  const auto elements = elements_of(*input.shape);
  if (!elements || *elements == 0 || *input.bytes < *elements || *input.bytes % *elements != 0) return {};
  const std::uint64_t width = *input.bytes / *elements;
  if (distance < 0) return fmt::format("; the address is {} bytes before its first element", -distance);
  const std::uint64_t flat = static_cast<std::uint64_t>(distance) / width;
  if (flat < *elements)
    return input.shape->empty()
               ? std::string("; the address is its one element")
               : fmt::format("; the address is its element [{}]", fmt::join(index_of(flat, *input.shape), ", "));
  return fmt::format("; the address is where element {} would be, counted from 0, and it has {}", flat, *elements);
}

std::string sentence(const Block& block, const TensorInfo& input, const std::string& op) {
  const auto distance =
      static_cast<std::int64_t>(block.address + static_cast<std::uint64_t>(block.offset) - *input.buffer);
  return fmt::format("The buffer of {} of {} ({} [{}]) lies in it{}.", input.name, op, input.dtype,
                     fmt::join(*input.shape, ", "), position(distance, input));
}

bool lies_in(const TensorInfo& input, const Block& block) {
  return input.shape && input.buffer && input.bytes && *input.bytes != 0 && *input.buffer >= block.address &&
         *input.buffer - block.address < block.size && *input.bytes <= block.size - (*input.buffer - block.address);
}

}  // namespace

void describe_block_as_tensor(Case& into) {
  if (!into.block || !into.framework || into.framework->op.empty() || into.framework->confidence == "possible") return;
  std::size_t named = 0;
  for (const std::vector<TensorInfo>* tensors : {&into.framework->inputs, &into.framework->outputs}) {
    for (const TensorInfo& tensor : *tensors) {
      if (!lies_in(tensor, *into.block)) continue;
      into.block->notes.push_back(sentence(*into.block, tensor, into.framework->op));
      if (++named == kMaxNamed) return;
    }
  }
}

}  // namespace segwhy
