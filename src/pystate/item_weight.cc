#include "pystate/item_weight.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <unordered_map>

namespace segwhy::pystate {
namespace {

constexpr std::uint64_t kItemsLooked = 4, kChildrenLooked = 4, kAttributesLooked = 16;
constexpr int kDeepest = 4;
constexpr int kMostObjects = 256;  // of one container
constexpr std::uint64_t kPointer = 8;
// What objects take besides their contents, about.
constexpr double kTextHeader = 48, kContainerHeader = 56, kArrayHeader = 112, kNumber = 32;
constexpr double kPlace = 8, kDictPlace = 40, kSetPlace = 32;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 46;

bool is_number(std::string_view type) {
  constexpr std::array<std::string_view, 6> kNumbers = {"int", "float", "bool", "complex", "NoneType", "ellipsis"};
  constexpr std::array<std::string_view, 5> kOfNumpy = {"numpy.float", "numpy.int", "numpy.uint", "numpy.bool",
                                                        "numpy.complex"};
  return std::find(kNumbers.begin(), kNumbers.end(), type) != kNumbers.end() ||
         std::any_of(kOfNumpy.begin(), kOfNumpy.end(),
                     [type](std::string_view start) { return type.starts_with(start); });
}

double place_in(ContainerKind kind) {
  return kind == ContainerKind::kDict ? kDictPlace : kind == ContainerKind::kSet ? kSetPlace : kPlace;
}

class Scale {
 public:
  Scale(ObjectReader& objects, ContainerReader& containers) : objects_(objects), containers_(containers) {}

  void put(std::size_t number, const DictItem& item) {
    item_ = number;
    weigh(item, 1, 0);
  }

  [[nodiscard]] double bytes() const {
    double sum = 0;
    for (const auto& [address, leaf] : leaves_)
      if (!leaf.shared) sum += leaf.bytes;
    return sum;
  }
  [[nodiscard]] bool whole() const { return whole_; }

 private:
  struct Leaf {
    double bytes = 0;
    std::size_t item = 0;
    bool shared = false;  // by several items
  };

  void weigh(const DictItem& item, double times, int depth) {
    if (!item.key.is_null()) weigh(item.key, times, depth);
    weigh(item.value, times, depth);
  }

  // `times`: how many objects this one stands for.
  void weigh(TargetAddr object, double times, int depth) {
    if (depth > kDeepest || ++looked_ > kMostObjects) return leave_out();
    const std::string type(objects_.type_name(object));
    if (is_number(type)) return add(object, kNumber, times);
    if (type == "str") return weigh_string(object, times);
    if (type == "bytes") return add_sized(object, word(object, Field::kBytesSize), kTextHeader, times);
    if (type == "bytearray") return add_sized(object, word(object, Field::kBytearrayAllocated), kTextHeader, times);
    if (type == "numpy.ndarray") return weigh_array(object, times, depth);
    if (containers_.kind_of(object) != ContainerKind::kNone) return weigh_container(object, times, depth);
    if (type == "cell") return weigh_member(object, Field::kCellContents, times, depth);
    // What a function has besides its closure, and an instance besides its attributes, is not looked at.
    leave_out();
    if (type == "function") return weigh_member(object, Field::kFunctionClosure, times, depth);
    for (const DictItem& attribute : containers_.attributes(object, kAttributesLooked))
      weigh(attribute.value, times, depth + 1);
  }

  void weigh_string(TargetAddr object, double times) {
    const auto length = word(object, Field::kStringLength);
    const auto state = objects_.memory().value<std::uint32_t>(object + objects_.layout()[Field::kStringState]);
    if (!length || !state || *length >= kMostBytes) return leave_out();
    const auto kind = wire::python_string_state(*state, objects_.layout().minor).kind;
    if (kind == 0) return leave_out();
    add_sized(object, *length * kind, kTextHeader, times);
  }

  void weigh_member(TargetAddr object, Field field, double times, int depth) {
    const auto member = word(object, field);
    if (!member) return leave_out();
    if (*member != 0) weigh(TargetAddr(*member), times, depth + 1);
  }

  void weigh_container(TargetAddr object, double times, int depth) {
    const auto length = containers_.length(object);
    if (!length) return leave_out();
    const double places = static_cast<double>(*length) * place_in(containers_.kind_of(object));
    add(object, kContainerHeader + places, times);
    if (*length == 0) return;
    const std::vector<DictItem> children = containers_.sample(object, *length, kChildrenLooked);
    if (children.empty()) return leave_out();
    const double each = times * static_cast<double>(*length) / static_cast<double>(children.size());
    for (const DictItem& child : children) weigh(child, each, depth + 1);
  }

  // PyArrayObject_fields, public and the same in all of NumPy 1 and 2: data, nd, dimensions, strides, base.
  void weigh_array(TargetAddr object, double times, int depth) {
    struct Fields {
      std::uint64_t data;
      std::int32_t dimensions, unused;
      std::uint64_t shape, strides, base;
    };
    constexpr std::uint64_t kHeader = 16;
    constexpr std::int32_t kMostDimensions = 64;
    const auto fields = objects_.memory().value<Fields>(object + kHeader);
    if (!fields || fields->dimensions < 0 || fields->dimensions > kMostDimensions) return leave_out();
    // A view holds what it is a view of.
    if (fields->base != 0) return weigh(TargetAddr(fields->base), times, depth + 1);
    std::uint64_t bytes = 0;
    for (std::int32_t i = 0; i < fields->dimensions; ++i) {
      const auto at = static_cast<std::uint64_t>(i) * kPointer;
      const auto extent = objects_.memory().value<std::uint64_t>(TargetAddr(fields->shape) + at);
      const auto stride = objects_.memory().value<std::int64_t>(TargetAddr(fields->strides) + at);
      if (!extent || !stride || *extent >= kMostBytes) return leave_out();
      const auto step = static_cast<std::uint64_t>(*stride < 0 ? -(*stride + 1) : *stride);
      if (step != 0 && *extent > kMostBytes / step) return leave_out();
      bytes = std::max(bytes, *extent * step);
    }
    add_sized(object, bytes, kArrayHeader, times);
  }

  void add_sized(TargetAddr object, std::optional<std::uint64_t> bytes, double header, double times) {
    if (!bytes || *bytes >= kMostBytes) return leave_out();
    add(object, header + static_cast<double>(*bytes), times);
  }

  void add(TargetAddr object, double bytes, double times) {
    const auto [it, added] = leaves_.try_emplace(object.value(), Leaf{bytes * times, item_, false});
    if (added) return;
    // Met twice in one item, it is the same object in many places of it.
    it->second.bytes = std::min(it->second.bytes, bytes);
    if (it->second.item != item_) it->second.shared = true;
  }

  void leave_out() { whole_ = false; }

  [[nodiscard]] std::optional<std::uint64_t> word(TargetAddr object, Field field) {
    return objects_.memory().value<std::uint64_t>(object + objects_.layout()[field]);
  }

  ObjectReader& objects_;
  ContainerReader& containers_;
  std::unordered_map<std::uint64_t, Leaf> leaves_;
  std::size_t item_ = 0;
  int looked_ = 0;
  bool whole_ = true;
};

}  // namespace

ItemWeight weigh_items(ObjectReader& objects, ContainerReader& containers, TargetAddr container, std::uint64_t newest) {
  ItemWeight out;
  // One item cannot tell what it shares with others.
  constexpr std::size_t kLeast = 2;
  const std::vector<DictItem> items = containers.sample(container, newest, kItemsLooked);
  if (items.size() < kLeast) return out;
  Scale scale(objects, containers);
  out.type = objects.type_name(items.front().value);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (objects.type_name(items[i].value) != out.type) out.type.clear();
    scale.put(i, items[i]);
  }
  out.bytes = place_in(containers.kind_of(container)) + scale.bytes() / static_cast<double>(items.size());
  out.whole = scale.whole();
  return out;
}

}  // namespace segwhy::pystate
