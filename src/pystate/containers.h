// ContainerReader: lengths and contents of Python's containers in another process, each checked before it is believed.
//
// For a process that runs: whatever is read may be torn, so that sizes must agree with each other and are bounded, and
// what makes no sense gives nothing. CPython 3.8 to 3.13. Does not own the reader of objects. Keeps what it learned of
// type objects, so that it is for one look only. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pystate/objects.h"

namespace segwhy::pystate {

enum class ContainerKind : std::uint8_t { kNone, kList, kTuple, kDict, kSet, kDeque };

struct DictItem {
  TargetAddr key, value;
};

class ContainerReader {
 public:
  explicit ContainerReader(ObjectReader& objects) : objects_(objects) {}

  // Whether containers of this version's layout can be read at all.
  [[nodiscard]] static bool knows(const Layout& layout);

  // Of the object and of subclasses.
  [[nodiscard]] ContainerKind kind_of(TargetAddr object);

  // Items in a container; nullopt for what is none.
  [[nodiscard]] std::optional<std::uint64_t> length(TargetAddr object);

  // The first `max` places of a dict; those without a value are left out.
  [[nodiscard]] std::vector<DictItem> dict_items(TargetAddr dict, std::uint64_t max);

  // At most `max` items that are spread over the last `newest` ones of the container; the key is null but for a dict.
  // Empty for a deque.
  [[nodiscard]] std::vector<DictItem> sample(TargetAddr container, std::uint64_t newest, std::uint64_t max);

  // What the __dict__ of an instance of a class written in Python holds, at most `max` places of it.
  [[nodiscard]] std::vector<DictItem> attributes(TargetAddr object, std::uint64_t max);

 private:
  struct TypeFacts {
    ContainerKind kind = ContainerKind::kNone;
    std::uint64_t flags = 0;
  };
  // Where a dict, or an instance without one, has its places.
  struct Places {
    std::uint64_t count = 0;
    TargetAddr entries, values;  // `values`: of a dict that shares its keys, else null
    std::uint64_t entry_size = 0, key_at = 0;
  };

  [[nodiscard]] TypeFacts facts_of(TargetAddr object);
  [[nodiscard]] std::optional<Places> places_of_keys(TargetAddr keys);
  [[nodiscard]] std::optional<Places> places_of_dict(TargetAddr dict);
  [[nodiscard]] std::optional<Places> places_of_instance(TargetAddr object);
  [[nodiscard]] std::optional<Places> shared_places(TargetAddr keys, TargetAddr values);
  [[nodiscard]] std::vector<DictItem> items(const Places& places, std::uint64_t first, std::uint64_t count);
  [[nodiscard]] std::vector<DictItem> set_sample(TargetAddr set, std::uint64_t max);
  [[nodiscard]] std::optional<std::uint64_t> word(TargetAddr object, Field field);

  ObjectReader& objects_;
  std::unordered_map<std::uint64_t, TypeFacts> types_;
};

}  // namespace segwhy::pystate
