#include "pystate/containers.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace segwhy::pystate {
namespace {

// Py_TPFLAGS_..., the same in all versions that have them.
constexpr std::uint64_t kInlineValues = std::uint64_t{1} << 2, kManagedDict = std::uint64_t{1} << 4;
constexpr std::uint64_t kHeapType = std::uint64_t{1} << 9;
constexpr std::uint64_t kListSubclass = std::uint64_t{1} << 25, kTupleSubclass = std::uint64_t{1} << 26;
constexpr std::uint64_t kDictSubclass = std::uint64_t{1} << 29;

constexpr std::uint64_t kPointer = 8;
constexpr std::uint64_t kMostItems = std::uint64_t{1} << 40;
constexpr int kFirstMinorWithCompactKeys = 11, kFirstMinorWithTaggedValues = 12, kFirstMinorWithInlineValues = 13;

// struct _dictkeysobject, which no header declares before 3.11: dk_refcnt, dk_size, dk_lookup, dk_usable, dk_nentries,
// and the indices.
struct WideKeys {
  std::int64_t refcount, size;
  std::uint64_t lookup;
  std::int64_t usable, entries;
};
struct CompactKeys {  // from 3.11 on
  std::int64_t refcount;
  std::uint8_t log2_size, log2_index_bytes, kind, unused;
  std::uint32_t version;
  std::int64_t usable, entries;
};
constexpr std::uint8_t kGeneralKeys = 0, kLastKeysKind = 2;
// PyDictKeyEntry: hash, key, value. PyDictUnicodeEntry: key, value.
constexpr std::uint64_t kGeneralEntry = 24, kUnicodeEntry = 16;
constexpr std::uint64_t kSetEntry = 16;  // key, hash

std::uint64_t index_bytes(std::uint64_t size) {
  constexpr std::uint64_t kOne = 0xff, kTwo = 0xffff, kFour = 0xffffffff;
  return size <= kOne ? 1 : size <= kTwo ? 2 : size <= kFour ? 4 : 8;
}

bool sane(std::int64_t entries, std::int64_t usable, std::uint64_t size) {
  return entries >= 0 && usable >= 0 && static_cast<std::uint64_t>(entries) <= size &&
         static_cast<std::uint64_t>(usable) <= size;
}

}  // namespace

bool ContainerReader::knows(const Layout& layout) {
  constexpr std::array kNeeded = {Field::kFrameGlobals, Field::kFrameLocals, Field::kCodeLocalNames,
                                  Field::kListSize,     Field::kDictUsed,    Field::kTypeCachedKeys};
  return std::all_of(kNeeded.begin(), kNeeded.end(), [&layout](Field f) { return layout.has(f); });
}

std::optional<std::uint64_t> ContainerReader::word(TargetAddr object, Field field) {
  return objects_.memory().value<std::uint64_t>(object + objects_.layout()[field]);
}

ContainerReader::TypeFacts ContainerReader::facts_of(TargetAddr object) {
  const auto type = knows(objects_.layout()) ? objects_.type_of(object) : std::nullopt;
  if (!type) return {};
  if (const auto known = types_.find(type->value()); known != types_.end()) return known->second;
  TypeFacts facts;
  const std::string_view name = objects_.type_name(object);
  const auto flags = word(*type, Field::kTypeFlags);
  if (flags && !name.empty()) {
    facts.flags = *flags;
    facts.kind = name == "list" || (*flags & kListSubclass) != 0     ? ContainerKind::kList
                 : name == "dict" || (*flags & kDictSubclass) != 0   ? ContainerKind::kDict
                 : name == "tuple" || (*flags & kTupleSubclass) != 0 ? ContainerKind::kTuple
                 : name == "set" || name == "frozenset"              ? ContainerKind::kSet
                 : name == "collections.deque"                       ? ContainerKind::kDeque
                                                                     : ContainerKind::kNone;
  }
  return types_.emplace(type->value(), facts).first->second;
}

ContainerKind ContainerReader::kind_of(TargetAddr object) {
  return facts_of(object).kind;
}

std::optional<std::uint64_t> ContainerReader::length(TargetAddr object) {
  const auto bounded = [](std::optional<std::uint64_t> size, std::optional<std::uint64_t> bound) {
    return size && bound && *size <= *bound && *bound < kMostItems ? size : std::nullopt;
  };
  switch (facts_of(object).kind) {
    case ContainerKind::kList:
      return bounded(word(object, Field::kListSize), word(object, Field::kListAllocated));
    case ContainerKind::kTuple:
      return bounded(word(object, Field::kTupleSize), kMostItems - 1);
    case ContainerKind::kDeque:
      return bounded(word(object, Field::kListSize), kMostItems - 1);  // both PyVarObject
    case ContainerKind::kSet:
      return bounded(word(object, Field::kSetUsed), word(object, Field::kSetMask));
    case ContainerKind::kDict: {
      const auto places = places_of_dict(object);
      return places ? bounded(word(object, Field::kDictUsed), places->count) : std::nullopt;
    }
    case ContainerKind::kNone:
      break;
  }
  return std::nullopt;
}

std::optional<ContainerReader::Places> ContainerReader::places_of_keys(TargetAddr keys) {
  if (!plausible_object(keys)) return std::nullopt;
  Places out;
  bool general = true;
  if (objects_.layout().minor < kFirstMinorWithCompactKeys) {
    const auto header = objects_.memory().value<WideKeys>(keys);
    if (!header || header->size <= 0) return std::nullopt;
    const auto size = static_cast<std::uint64_t>(header->size);
    if (!std::has_single_bit(size) || size >= kMostItems || !sane(header->entries, header->usable, size))
      return std::nullopt;
    out.count = static_cast<std::uint64_t>(header->entries);
    out.entries = keys + sizeof(WideKeys) + size * index_bytes(size);
  } else {
    constexpr int kMostLog2 = 40, kWidestIndex = 3;
    const auto header = objects_.memory().value<CompactKeys>(keys);
    if (!header || header->log2_size > kMostLog2 || header->kind > kLastKeysKind ||
        header->log2_index_bytes < header->log2_size || header->log2_index_bytes > header->log2_size + kWidestIndex ||
        !sane(header->entries, header->usable, std::uint64_t{1} << header->log2_size))
      return std::nullopt;
    out.count = static_cast<std::uint64_t>(header->entries);
    out.entries = keys + sizeof(CompactKeys) + (std::uint64_t{1} << header->log2_index_bytes);
    general = header->kind == kGeneralKeys;
  }
  out.entry_size = general ? kGeneralEntry : kUnicodeEntry;
  out.key_at = general ? kPointer : 0;
  return out;
}

std::optional<ContainerReader::Places> ContainerReader::shared_places(TargetAddr keys, TargetAddr values) {
  // struct _dictvalues begins with four bytes of its own from 3.13 on.
  if (objects_.layout().minor >= kFirstMinorWithInlineValues) values = values + kPointer;
  auto places = plausible_object(values) ? places_of_keys(keys) : std::nullopt;
  if (places) places->values = values;
  return places;
}

std::optional<ContainerReader::Places> ContainerReader::places_of_dict(TargetAddr dict) {
  if (facts_of(dict).kind != ContainerKind::kDict) return std::nullopt;
  const auto keys = word(dict, Field::kDictKeys);
  const auto values = word(dict, Field::kDictValues);
  if (!keys || !values) return std::nullopt;
  return *values == 0 ? places_of_keys(TargetAddr(*keys)) : shared_places(TargetAddr(*keys), TargetAddr(*values));
}

// Where an instance keeps its attributes: a dict that it points to, or, from 3.11 on, an array of values in the order
// of its class's keys until someone asks for the dict.
std::optional<ContainerReader::Places> ContainerReader::places_of_instance(TargetAddr object) {
  const TypeFacts facts = facts_of(object);
  const auto type = objects_.type_of(object);
  if (!type || (facts.flags & kHeapType) == 0) return std::nullopt;
  MemoryReader& memory = objects_.memory();
  const int minor = objects_.layout().minor;
  if (minor < kFirstMinorWithCompactKeys || (facts.flags & kManagedDict) == 0) {
    constexpr std::uint64_t kFarthest = 4096;
    const auto at = word(*type, Field::kTypeDictOffset);
    const auto dict = at && *at > 0 && *at < kFarthest ? memory.pointer(object + *at) : std::nullopt;
    return dict ? places_of_dict(*dict) : std::nullopt;
  }
  const auto keys = word(*type, Field::kTypeCachedKeys);
  const TargetAddr dict_at(object.value() - 3 * kPointer), values_at(object.value() - 4 * kPointer);
  const auto dict = memory.pointer(dict_at);
  if (!keys || !dict) return std::nullopt;
  if (minor == kFirstMinorWithCompactKeys) {
    const auto values = memory.pointer(values_at);
    if (values && !values->is_null()) return shared_places(TargetAddr(*keys), *values);
  } else if (minor == kFirstMinorWithTaggedValues) {
    if ((dict->value() & 1) != 0) return shared_places(TargetAddr(*keys), *dict + 1);
  } else if (dict->is_null() && (facts.flags & kInlineValues) != 0) {
    constexpr std::uint64_t kLargest = 65536, kValidAt = 3;
    const auto size = word(*type, Field::kTypeBasicSize);
    if (!size || *size >= kLargest) return std::nullopt;
    const auto valid = memory.value<std::uint8_t>(object + *size + kValidAt);
    return valid == 1 ? shared_places(TargetAddr(*keys), object + *size) : std::nullopt;
  }
  return places_of_dict(*dict);
}

std::vector<DictItem> ContainerReader::items(const Places& places, std::uint64_t first, std::uint64_t count) {
  if (first >= places.count) return {};
  count = std::min(count, places.count - first);
  const auto entries = objects_.memory().bytes(places.entries + first * places.entry_size, count * places.entry_size);
  const bool shared = !places.values.is_null();
  const auto values =
      shared ? objects_.memory().bytes(places.values + first * kPointer, count * kPointer) : std::nullopt;
  if (!entries || (shared && !values)) return {};
  std::vector<DictItem> out;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t key = 0, value = 0;
    const std::byte* const entry = entries->data() + i * places.entry_size + places.key_at;
    std::memcpy(&key, entry, sizeof key);
    std::memcpy(&value, shared ? values->data() + i * kPointer : entry + kPointer, sizeof value);
    if (key != 0 && value != 0) out.push_back({TargetAddr(key), TargetAddr(value)});
  }
  return out;
}

std::vector<DictItem> ContainerReader::dict_items(TargetAddr dict, std::uint64_t max) {
  const auto places = places_of_dict(dict);
  return places ? items(*places, 0, max) : std::vector<DictItem>();
}

std::vector<DictItem> ContainerReader::attributes(TargetAddr object, std::uint64_t max) {
  const auto places = places_of_instance(object);
  return places ? items(*places, 0, max) : std::vector<DictItem>();
}

std::vector<DictItem> ContainerReader::set_sample(TargetAddr set, std::uint64_t max) {
  constexpr std::uint64_t kLooked = 64;
  const auto mask = word(set, Field::kSetMask);
  const auto table = word(set, Field::kSetTable);
  if (!mask || !table || *mask >= kMostItems) return {};
  const std::uint64_t count = std::min(*mask + 1, kLooked);
  std::vector<DictItem> out;
  for (std::uint64_t i = 0; i < count && out.size() < max; ++i) {
    const auto key = objects_.memory().pointer(TargetAddr(*table) + i * kSetEntry);
    // An unused place is null, one that was used the object "dummy", which is of type object.
    if (key && !key->is_null() && objects_.type_name(*key) != "object") out.push_back({TargetAddr(), *key});
  }
  return out;
}

std::vector<DictItem> ContainerReader::sample(TargetAddr container, std::uint64_t newest, std::uint64_t max) {
  const ContainerKind kind = kind_of(container);
  const auto size = length(container);
  if (!size || *size == 0 || max == 0 || kind == ContainerKind::kDeque) return {};
  if (kind == ContainerKind::kSet) return set_sample(container, max);
  const auto places = kind == ContainerKind::kDict ? places_of_dict(container) : std::nullopt;
  if (kind == ContainerKind::kDict && !places) return {};
  TargetAddr first = container + objects_.layout()[Field::kTupleItems];
  if (kind == ContainerKind::kList) first = TargetAddr(word(container, Field::kListItems).value_or(0));
  const std::uint64_t count = places ? places->count : *size;
  newest = std::clamp<std::uint64_t>(newest, 1, count);
  max = std::min(max, newest);
  std::vector<DictItem> out;
  for (std::uint64_t i = 0; i < max; ++i) {
    const std::uint64_t at = count - 1 - i * newest / max;
    if (places) {
      for (const DictItem& item : items(*places, at, 1)) out.push_back(item);
    } else if (const auto item = objects_.memory().pointer(first + at * kPointer)) {
      out.push_back({TargetAddr(), *item});
    }
  }
  return out;
}

}  // namespace segwhy::pystate
