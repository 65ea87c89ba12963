#include "frameworks/tensorflow/attributes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "frameworks/tensorflow/data_types.h"

namespace segwhy::tensorflow {
namespace {

constexpr std::uint64_t kMaxBuckets = 1024;
constexpr std::size_t kMaxAttributes = 128;  // of one node
constexpr std::uint64_t kMaxListed = 32;     // numbers of a list
constexpr std::size_t kMaxShown = 64;        // bytes of a text
constexpr char kAttrValueType[] = "N10tensorflow9AttrValueE";
constexpr char kListValueType[] = "N10tensorflow19AttrValue_ListValueE";

// AttrValue's fields by number (attr_value.proto).
enum Field : std::uint32_t { kList = 1, kText = 2, kInteger = 3, kFloat = 4, kTruth = 5, kType = 6 };

bool is_kind(Objects& objects, std::uint64_t object, std::string_view type) {
  const ClassInfo* found = objects.class_of(object);
  return found != nullptr && found->name == type;
}

struct Repeated {
  std::uint64_t data = 0, size = 0;
};

// A RepeatedField. Newer ones keep a few elements beside a word whose low bits count them; bit 2: they are elsewhere.
std::optional<Repeated> repeated_at(Objects& objects, std::uint64_t field) {
  TargetView& view = objects.view();
  const auto word = view.word(field);
  const auto other = view.word(field + 8);
  if (!word || !other) return std::nullopt;
  if (objects.layout()->repeated_tagged == 0) return Repeated{*other, *word & 0xffffffff};
  constexpr std::uint64_t kTag = 7, kElsewhere = 4;
  if ((*word & kElsewhere) == 0) return Repeated{field + 8, *word & (kTag & ~kElsewhere)};
  return Repeated{*word & ~kTag, *other & 0xffffffff};
}

template <class Number>
std::optional<std::vector<Number>> numbers_at(Objects& objects, std::uint64_t field) {
  const auto repeated = repeated_at(objects, field);
  if (!repeated || repeated->size > kMaxListed) return std::nullopt;
  std::vector<Number> out;
  for (std::uint64_t i = 0; i < repeated->size; ++i) {
    const auto number = objects.view().value<Number>(repeated->data + i * sizeof(Number));
    if (!number) return std::nullopt;
    out.push_back(*number);
  }
  return out;
}

std::optional<std::string> list_text(Objects& objects, std::uint64_t list) {
  if (!is_kind(objects, list, kListValueType)) return std::nullopt;
  const auto integers = numbers_at<std::int64_t>(objects, list + objects.layout()->list_integers);
  if (integers && !integers->empty()) return fmt::format("[{}]", fmt::join(*integers, ", "));
  const auto floats = numbers_at<float>(objects, list + objects.layout()->list_floats);
  if (floats && !floats->empty()) return fmt::format("[{}]", fmt::join(*floats, ", "));
  return std::nullopt;
}

bool is_printable(std::string_view text) {
  return !text.empty() && text.size() <= kMaxShown &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::optional<std::string> value_text(Objects& objects, std::uint64_t value) {
  TargetView& view = objects.view();
  const std::uint64_t at = value + objects.layout()->value_union;
  const auto field = view.value<std::uint32_t>(value + objects.layout()->value_case);
  const auto word = view.word(at);
  if (!field || !word) return std::nullopt;
  switch (*field) {
    case kList:
      return list_text(objects, *word);
    case kText: {
      auto text = objects.proto_string(at);
      return text && is_printable(*text) ? text : std::nullopt;
    }
    case kInteger:
      return fmt::format("{}", static_cast<std::int64_t>(*word));
    case kFloat: {
      std::string text = fmt::format("{}", view.value<float>(at).value_or(0));
      // To be told from an integer.
      return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
    }
    case kTruth:
      return *word % 256 == 0 ? "false" : "true";
    case kType: {
      const DataType* type = data_type(static_cast<std::uint32_t>(*word));
      return type != nullptr ? std::optional<std::string>(type->name) : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

// Follows the lists of a map's table; gives up on the first thing that no map has.
class MapReader {
 public:
  explicit MapReader(Objects& objects) : objects_(objects), layout_(*objects.layout()) {}

  [[nodiscard]] bool read(std::uint64_t map) {
    TargetView& view = objects_.view();
    const auto inner = layout_.map_indirect != 0 ? view.word(map + layout_.map_inner) : std::optional(map);
    const auto table = inner ? view.word(*inner + layout_.map_table) : std::nullopt;
    auto buckets = inner ? view.word(*inner + layout_.map_buckets) : std::nullopt;
    if (!table || !buckets) return false;
    if (layout_.map_buckets_size == 4) *buckets &= 0xffffffff;
    if (*buckets > kMaxBuckets) return false;
    for (std::uint64_t i = 0; i < *buckets; ++i) {
      const auto head = view.word(*table + 8 * i);
      if (!head || !follow(*head)) return false;
    }
    return true;
  }
  [[nodiscard]] std::map<std::string, std::string> take() { return std::move(found_); }

 private:
  [[nodiscard]] bool follow(std::uint64_t node) {
    TargetView& view = objects_.view();
    while (node != 0) {
      if (++seen_ > kMaxAttributes || !view.may_hold_object(node)) return false;
      const auto name = objects_.string_at(node + layout_.map_node_key);
      const auto pair = layout_.map_node_pair != 0 ? view.word(node + layout_.map_node_pair) : std::optional(node);
      if (!name || !pair || !is_op_name(*name)) return false;
      const std::uint64_t value = *pair + layout_.map_node_value;
      if (!is_kind(objects_, value, kAttrValueType)) return false;
      auto text = name->starts_with('_') ? std::nullopt : value_text(objects_, value);
      if (text) found_.emplace(*name, std::move(*text));
      node = view.word(node + layout_.map_node_next).value_or(1);
    }
    return true;
  }

  Objects& objects_;
  const Layout& layout_;
  std::size_t seen_ = 0;
  std::map<std::string, std::string> found_;
};

}  // namespace

std::map<std::string, std::string> read_attributes(Objects& objects, std::uint64_t node_def) {
  if (objects.layout() == nullptr || node_def == 0) return {};
  MapReader reader(objects);
  if (!reader.read(node_def + objects.layout()->node_attributes)) return {};
  return reader.take();
}

}  // namespace segwhy::tensorflow
