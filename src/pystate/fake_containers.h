// Containers in a FakePython's memory, of its version's layout, for tests of what reads them.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "pystate/fake_python.h"

namespace segwhy::pystate {

// The newest version whose containers can be read.
inline constexpr int kNewestMinorWithContainers = 13;

class FakeContainers {
 public:
  explicit FakeContainers(FakePython& python) : python_(python) {}

  using Items = std::vector<std::pair<TargetAddr, TargetAddr>>;  // key, value

  TargetAddr list(const std::vector<TargetAddr>& items, const char* type = "list") {
    const TargetAddr at = python_.object_of(python_.type(type, kListFlag), 64);
    const TargetAddr data = python_.allocate((items.size() + 4) * 8);
    python_.put_field(at, Field::kListSize, items.size());
    python_.put_field(at, Field::kListAllocated, items.size() + 4);
    python_.put_field(at, Field::kListItems, data.value());
    for (std::size_t i = 0; i < items.size(); ++i) python_.put(data + i * 8, items[i].value());
    return at;
  }

  // `general`: keys of any type; else of strings only, which 3.11 and later keep in another form.
  TargetAddr dict(const Items& items, bool general = false, const char* type = "dict") {
    return dict_of(keys(items, general ? 0 : 1, true), TargetAddr(), items.size(), type);
  }

  // An instance's dict that shares its keys with others.
  TargetAddr split_dict(const Items& items) {
    return dict_of(keys(items, 2, false), values(items), items.size(), "dict");
  }

  TargetAddr set(const std::vector<TargetAddr>& items) {
    const TargetAddr at = python_.object_of(python_.type("set"), 256);
    const std::uint64_t size = std::bit_ceil(2 * items.size() + 8);
    const TargetAddr table = python_.allocate(size * 16);
    for (std::size_t i = 0; i < items.size(); ++i) python_.put(table + 32 * i, items[i].value());
    python_.put_field(at, Field::kSetUsed, items.size());
    python_.put_field(at, Field::kSetMask, size - 1);
    python_.put_field(at, Field::kSetTable, table.value());
    return at;
  }

  TargetAddr deque(std::uint64_t length) {
    const TargetAddr at = python_.object_of(python_.type("collections.deque"), 64);
    python_.put_field(at, Field::kListSize, length);
    return at;
  }

  // Of a class of the program's own. `with_dict`: someone asked for its __dict__.
  TargetAddr instance(const char* type, const Items& attributes, bool with_dict = false) {
    const int minor = python_.layout().minor;
    constexpr std::uint64_t kBefore = 32, kSize = 16;
    const bool managed = minor >= 11;
    const TargetAddr its_type =
        python_.type(type, kHeapFlag | (managed ? kManagedFlag : 0) | (minor >= 13 ? kInlineFlag : 0));
    python_.put_field(its_type, Field::kTypeBasicSize, kSize);
    python_.put_field(its_type, Field::kTypeCachedKeys, keys(attributes, 2, false).value());
    const TargetAddr block = python_.allocate(kBefore + 256);
    const TargetAddr at = block + kBefore;
    python_.put_field(at, Field::kObjectType, its_type.value());
    if (!managed) {
      python_.put_field(its_type, Field::kTypeDictOffset, kSize);
      python_.put(at + kSize, split_dict(attributes).value());
    } else if (with_dict) {
      python_.put(block + 8, dict(attributes).value());
    } else if (minor == 11) {
      python_.put(block, values(attributes).value());
    } else if (minor == 12) {
      python_.put(block + 8, values(attributes).value() - 1);
    } else {
      python_.put(at + kSize, std::uint32_t{0x01010808});  // capacity, size, embedded, valid
      for (std::size_t i = 0; i < attributes.size(); ++i)
        python_.put(at + kSize + 8 + i * 8, attributes[i].second.value());
    }
    return at;
  }

  TargetAddr bytearray(std::uint64_t size) {
    const TargetAddr at = python_.object_of(python_.type("bytearray"), 64);
    python_.put_field(at, Field::kBytearrayAllocated, size);
    return at;
  }

  // Of doubles, in one dimension; a view when it has a base.
  TargetAddr array(std::uint64_t length, TargetAddr base = {}) {
    const TargetAddr at = python_.object_of(python_.type("numpy.ndarray"), 96);
    const TargetAddr shape = python_.allocate(16);
    python_.put(shape, length);
    python_.put(shape + 8, std::uint64_t{8});
    python_.put(at + 24, std::int32_t{1});
    python_.put(at + 32, shape.value());
    python_.put(at + 40, (shape + 8).value());
    python_.put(at + 48, base.value());
    return at;
  }

  TargetAddr number() { return python_.object_of(python_.type("float"), 24); }

  // Gives a frame its module and variables.
  void fill_frame(TargetAddr frame, TargetAddr code, TargetAddr globals, const Items& locals) {
    std::vector<TargetAddr> names;
    for (std::size_t i = 0; i < locals.size(); ++i) {
      names.push_back(locals[i].first);
      python_.put(frame + python_.layout()[Field::kFrameLocals] + i * 8, locals[i].second.value());
    }
    python_.put_field(frame, Field::kFrameGlobals, globals.value());
    python_.put_field(code, Field::kCodeLocalNames, python_.tuple(names).value());
  }

 private:
  static constexpr std::uint64_t kListFlag = 1U << 25, kDictFlag = 1U << 29, kHeapFlag = 1U << 9;
  static constexpr std::uint64_t kManagedFlag = 1U << 4, kInlineFlag = 1U << 2;

  TargetAddr dict_of(TargetAddr keys, TargetAddr values, std::size_t used, const char* type) {
    const TargetAddr at = python_.object_of(python_.type(type, kDictFlag), 64);
    python_.put_field(at, Field::kDictUsed, used);
    python_.put_field(at, Field::kDictKeys, keys.value());
    python_.put_field(at, Field::kDictValues, values.value());
    return at;
  }

  TargetAddr values(const Items& items) {
    const std::uint64_t before = python_.layout().minor >= 13 ? 8 : 0;
    const TargetAddr at = python_.allocate(before + (items.size() + 1) * 8);
    for (std::size_t i = 0; i < items.size(); ++i) python_.put(at + before + i * 8, items[i].second.value());
    return at;
  }

  // `kind`: 0 for any keys, 1 for strings, 2 for keys that are shared (which, before 3.11, look like 0).
  TargetAddr keys(const Items& items, int kind, bool with_values) {
    const std::uint64_t size = std::bit_ceil(2 * items.size() + 8);
    const bool compact = python_.layout().minor >= 11;
    const std::uint64_t index = size <= 0xff ? 1 : 2;
    const std::uint64_t entry = compact && kind != 0 ? 16 : 24;
    const TargetAddr at = python_.allocate(40 + size * index + size * entry);
    TargetAddr entries;
    if (compact) {
      const auto log2 = static_cast<std::uint8_t>(std::bit_width(size) - 1);
      const auto log2_index = static_cast<std::uint8_t>(log2 + index - 1);
      python_.put(at + 8, log2);
      python_.put(at + 9, log2_index);
      python_.put(at + 10, static_cast<std::uint8_t>(kind));
      python_.put(at + 24, items.size());
      entries = at + 32 + size * index;
    } else {
      python_.put(at + 8, size);
      python_.put(at + 32, items.size());
      entries = at + 40 + size * index;
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      const TargetAddr key_at = entries + i * entry + (entry == 24 ? 8 : 0);
      python_.put(key_at, items[i].first.value());
      if (with_values) python_.put(key_at + 8, items[i].second.value());
    }
    return at;
  }

  FakePython& python_;
};

}  // namespace segwhy::pystate
