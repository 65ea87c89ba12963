#include "pystate/containers.h"

#include <gtest/gtest.h>

#include "pystate/fake_containers.h"
#include "pystate/item_weight.h"

namespace segwhy::pystate {
namespace {

class ContainersOf : public testing::TestWithParam<int> {
 protected:
  std::vector<std::string> keys_of(const std::vector<DictItem>& items) {
    std::vector<std::string> out;
    for (const DictItem& item : items) out.push_back(objects.string(item.key, 100).value_or("?"));
    return out;
  }
  ItemWeight weigh(TargetAddr container, std::uint64_t newest) {
    return weigh_items(objects, containers, container, newest);
  }

  FakePython python{GetParam()};
  FakeContainers make{python};
  ObjectReader objects{python.memory(), python.layout()};
  ContainerReader containers{objects};
};

INSTANTIATE_TEST_SUITE_P(Versions, ContainersOf, testing::Range(kOldestMinor, kNewestMinorWithContainers + 1));

TEST_P(ContainersOf, Lengths) {
  const TargetAddr item = make.number();
  EXPECT_EQ(containers.length(make.list({item, item, item})), 3U);
  EXPECT_EQ(containers.length(make.list({item}, "History")), 1U) << "a subclass";
  EXPECT_EQ(containers.length(python.tuple({item, item})), 2U);
  EXPECT_EQ(containers.length(make.set({item, item})), 2U);
  EXPECT_EQ(containers.length(make.deque(7)), 7U);
  const FakeContainers::Items two = {{python.string("a"), item}, {python.string("b"), item}};
  EXPECT_EQ(containers.length(make.dict(two)), 2U);
  EXPECT_EQ(containers.length(make.dict(two, true)), 2U);
  EXPECT_EQ(containers.length(make.split_dict(two)), 2U);
  EXPECT_EQ(containers.length(make.dict({}, false, "collections.OrderedDict")), 0U);
  EXPECT_EQ(containers.length(item), std::nullopt);
  EXPECT_EQ(containers.length(TargetAddr(0x10)), std::nullopt);
}

TEST_P(ContainersOf, ADictsItemsInEveryForm) {
  const TargetAddr one = make.number(), other = make.number();
  const FakeContainers::Items items = {{python.string("one"), one}, {python.string("other"), other}};
  for (const TargetAddr dict : {make.dict(items), make.dict(items, true), make.split_dict(items)}) {
    const auto read = containers.dict_items(dict, 100);
    EXPECT_EQ(keys_of(read), (std::vector<std::string>{"one", "other"}));
    ASSERT_EQ(read.size(), 2U);
    EXPECT_EQ(read[1].value, other);
    EXPECT_EQ(containers.dict_items(dict, 1).size(), 1U);
  }
}

TEST_P(ContainersOf, ALargeDict) {
  FakeContainers::Items items;
  for (int i = 0; i < 300; ++i) items.emplace_back(python.string("key"), make.number());
  EXPECT_EQ(containers.dict_items(make.dict(items), 1000).size(), 300U) << "indices of two bytes";
}

TEST_P(ContainersOf, Attributes) {
  const FakeContainers::Items attributes = {{python.string("cache"), make.list({})},
                                            {python.string("step"), make.number()}};
  const std::vector<std::string> names = {"cache", "step"};
  EXPECT_EQ(keys_of(containers.attributes(make.instance("Trainer", attributes), 100)), names);
  EXPECT_EQ(keys_of(containers.attributes(make.instance("Other", attributes, true), 100)), names);
  EXPECT_TRUE(containers.attributes(make.number(), 100).empty()) << "no class of the program's";
}

TEST_P(ContainersOf, TornListsAreNone) {
  const TargetAddr list = make.list({make.number()});
  python.put_field(list, Field::kListSize, 100);
  EXPECT_EQ(containers.length(list), std::nullopt) << "longer than what it has room for";
  python.put_field(list, Field::kListSize, ~std::uint64_t{0});
  python.put_field(list, Field::kListAllocated, ~std::uint64_t{0});
  EXPECT_EQ(containers.length(list), std::nullopt);
}

TEST_P(ContainersOf, TornDictsAreNone) {
  const FakeContainers::Items items = {{python.string("one"), make.number()}};
  const TargetAddr used = make.dict(items);
  python.put_field(used, Field::kDictUsed, 100);
  EXPECT_EQ(containers.length(used), std::nullopt) << "more than its keys have";
  const TargetAddr lost = make.dict(items);
  python.put_field(lost, Field::kDictKeys, 0x4141);
  EXPECT_EQ(containers.length(lost), std::nullopt);
  EXPECT_TRUE(containers.dict_items(lost, 10).empty());
  // Freed, and overwritten by text.
  const TargetAddr freed = make.dict(items);
  const TargetAddr keys(python.memory().value<std::uint64_t>(freed + python.layout()[Field::kDictKeys]).value());
  for (int i = 0; i < 5; ++i) python.put(keys + 8U * static_cast<unsigned>(i), std::uint64_t{0x2e2e2e2e2e2e2e2e});
  EXPECT_EQ(containers.length(freed), std::nullopt);
  EXPECT_TRUE(containers.dict_items(freed, 10).empty());
}

TEST_P(ContainersOf, WhatItemsWeigh) {
  std::vector<TargetAddr> buffers, numbers, pairs;
  for (int i = 0; i < 10; ++i) {
    buffers.push_back(make.bytearray(100'000));
    numbers.push_back(make.number());
    pairs.push_back(python.tuple({make.array(1000), make.array(1000)}));
  }
  const ItemWeight heavy = weigh(make.list(buffers), 10);
  EXPECT_EQ(heavy.type, "bytearray");
  EXPECT_NEAR(heavy.bytes, 100'000, 200);
  EXPECT_TRUE(heavy.whole);
  const ItemWeight light = weigh(make.list(numbers), 10);
  EXPECT_LT(light.bytes, 100);
  EXPECT_TRUE(light.whole);
  EXPECT_NEAR(weigh(make.list(pairs), 10).bytes, 16'000, 400);
  EXPECT_NEAR(weigh(make.set(buffers), 10).bytes, 100'000, 200);
  FakeContainers::Items cache;
  for (const TargetAddr buffer : buffers) cache.emplace_back(make.number(), buffer);
  EXPECT_NEAR(weigh(make.dict(cache, true), 10).bytes, 100'000, 200);
}

TEST_P(ContainersOf, OnlyTheNewestItemsAreWeighed) {
  std::vector<TargetAddr> items(5, make.number());
  for (int i = 0; i < 5; ++i) items.push_back(make.bytearray(1000));
  EXPECT_EQ(weigh(make.list(items), 5).type, "bytearray");
  EXPECT_EQ(weigh(make.list(items), 10).type, "") << "they differ";
}

TEST_P(ContainersOf, ViewsHoldTheirBaseUnlessTheyShareIt) {
  const TargetAddr base = make.array(100'000);
  std::vector<TargetAddr> shared, own;
  for (int i = 0; i < 10; ++i) {
    shared.push_back(make.array(10, base));
    own.push_back(make.array(10, make.array(100'000)));
  }
  EXPECT_NEAR(weigh(make.list(own), 10).bytes, 800'000, 200);
  EXPECT_LT(weigh(make.list(shared), 10).bytes, 100);
}

TEST_P(ContainersOf, OneObjectInManyPlacesCountsOnce) {
  std::vector<TargetAddr> rows;
  for (int i = 0; i < 10; ++i) rows.push_back(make.list(std::vector<TargetAddr>(1000, make.number())));
  EXPECT_NEAR(weigh(make.list(rows), 10).bytes, 8000, 200) << "the places";
}

TEST_P(ContainersOf, WhatIsNotKnownIsSaid) {
  std::vector<TargetAddr> opaque, nodes;
  for (int i = 0; i < 10; ++i) {
    opaque.push_back(python.object_of(python.type("EagerTensor"), 64));
    nodes.push_back(make.instance("Node", {{python.string("value"), make.bytearray(5000)}}));
  }
  EXPECT_FALSE(weigh(make.list(opaque), 10).whole);
  EXPECT_NEAR(weigh(make.list(nodes), 10).bytes, 5000, 200);
  EXPECT_FALSE(weigh(make.list(nodes), 10).whole);
  EXPECT_FALSE(weigh(make.deque(10), 10).whole);
  const TargetAddr itself = make.list({TargetAddr(), TargetAddr()});
  EXPECT_FALSE(weigh(itself, 2).whole) << "null items";
}

TEST(Containers, AVersionThatIsNotKnownGivesNothing) {
  FakeMemory memory(1 << 16);
  const auto layout = layout_of(kNewestMinorWithContainers + 1, memory, TargetAddr(FakeMemory::kBase));
  ASSERT_TRUE(layout);
  EXPECT_FALSE(ContainerReader::knows(*layout));
}

}  // namespace
}  // namespace segwhy::pystate
