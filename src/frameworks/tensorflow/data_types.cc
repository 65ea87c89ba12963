#include "frameworks/tensorflow/data_types.h"

#include <fmt/format.h>

#include <cstring>
#include <iterator>

namespace segwhy::tensorflow {
namespace {

constexpr std::uint32_t kReference = 100;

// Indexed by number.
constexpr DataType kTypes[] = {
    {nullptr, 0},
    {"float32", 4},
    {"float64", 8},
    {"int32", 4},
    {"uint8", 1},
    {"int16", 2},
    {"int8", 1},
    {"string", 0},
    {"complex64", 8},
    {"int64", 8},
    {"bool", 1},
    {"qint8", 1},
    {"quint8", 1},
    {"qint32", 4},
    {"bfloat16", 2},
    {"qint16", 2},
    {"quint16", 2},
    {"uint16", 2},
    {"complex128", 16},
    {"float16", 2},
    {"resource", 0},
    {"variant", 0},
    {"uint32", 4},
    {"uint64", 8},
    {"float8_e5m2", 1},
    {"float8_e4m3fn", 1},
    {"float8_e4m3fnuz", 1},
    {"float8_e4m3b11fnuz", 1},
    {"float8_e5m2fnuz", 1},
    {"int4", 1},
    {"uint4", 1},
    {"int2", 1},
    {"uint2", 1},
    {"float4_e2m1fn", 1},
};

template <class T>
void append(std::string& out, std::span<const std::byte> data) {
  for (std::size_t at = 0; at + sizeof(T) <= data.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, data.data() + at, sizeof value);
    fmt::format_to(std::back_inserter(out), "{}{}", at == 0 ? "" : ", ", value);
  }
}

bool append_values(std::string& out, std::uint32_t number, std::span<const std::byte> data) {
  switch (without_reference(number)) {
    case 1:
      append<float>(out, data);
      return true;
    case 2:
      append<double>(out, data);
      return true;
    case 3:
    case 13:
      append<std::int32_t>(out, data);
      return true;
    case 4:
    case 10:
    case 12:
      append<std::uint8_t>(out, data);
      return true;
    case 5:
    case 15:
      append<std::int16_t>(out, data);
      return true;
    case 6:
    case 11:
      append<std::int8_t>(out, data);
      return true;
    case 9:
      append<std::int64_t>(out, data);
      return true;
    case 16:
    case 17:
      append<std::uint16_t>(out, data);
      return true;
    case 22:
      append<std::uint32_t>(out, data);
      return true;
    case 23:
      append<std::uint64_t>(out, data);
      return true;
    default:
      return false;
  }
}

template <class T>
std::optional<NumberRange> extremes(std::span<const std::byte> data) {
  NumberRange out;
  for (; (out.looked_at + 1) * sizeof(T) <= data.size(); ++out.looked_at) {
    T value;
    std::memcpy(&value, data.data() + out.looked_at * sizeof value, sizeof value);
    const bool first = out.looked_at == 0;
    if (first || value < out.least) out.least = value, out.least_at = out.looked_at;
    if (first || value > out.most) out.most = value, out.most_at = out.looked_at;
  }
  return out.looked_at > 0 ? std::optional(out) : std::nullopt;
}

bool is_floating(std::uint32_t number) {
  return without_reference(number) == 1 || without_reference(number) == 2;
}

}  // namespace

std::uint32_t without_reference(std::uint32_t number) {
  return number > kReference ? number - kReference : number;
}

const DataType* data_type(std::uint32_t number) {
  const std::uint32_t plain = without_reference(number);
  return plain > 0 && plain < std::size(kTypes) ? &kTypes[plain] : nullptr;
}

std::string preview_values(std::uint32_t number, std::span<const std::byte> data, bool more) {
  // The first of many integers may be an index or a size; of many measured values they say nothing.
  if (more && is_floating(number)) return {};
  std::string out = "[";
  if (!append_values(out, number, data)) return {};
  return out + (more ? ", ...]" : "]");
}

std::optional<NumberRange> number_range(std::uint32_t number, std::span<const std::byte> data) {
  constexpr std::uint32_t kInt32 = 3, kInt64 = 9;
  if (without_reference(number) == kInt32) return extremes<std::int32_t>(data);
  if (without_reference(number) == kInt64) return extremes<std::int64_t>(data);
  return std::nullopt;
}

}  // namespace segwhy::tensorflow
