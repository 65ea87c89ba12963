#include "pystate/variables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "pystate/fake_containers.h"

namespace segwhy::pystate {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

class VariablesOf : public testing::TestWithParam<int> {
 protected:
  TargetAddr module(const FakeContainers::Items& items) {
    FakeContainers::Items all;
    all.emplace_back(python.string("__name__"), python.string("__main__"));
    for (const auto& item : items) all.push_back(item);
    return make.dict(all);
  }
  FakeContainers::Items named(const char* name, TargetAddr value) { return {{python.string(name), value}}; }

  // "path length" of each.
  std::vector<std::string> read(const Variables::IsUser& is_user = [](const std::string&) { return true; }) {
    std::vector<std::string> out;
    Variables variables(python.memory(), python.layout());
    for (const Variable& v : variables.read(python.runtime(main), is_user))
      out.push_back(v.root + "." + v.name + " " + v.type + " " + std::to_string(v.length));
    return out;
  }

  FakePython python{GetParam()};
  FakeContainers make{python};
  TargetAddr main = python.interpreter(0);
  TargetAddr body = python.code("<module>", 1), step = python.code("step", 5);
  TargetAddr outer = python.frame(body, TargetAddr());
  TargetAddr inner = python.frame(step, outer);
};

INSTANTIATE_TEST_SUITE_P(Versions, VariablesOf, testing::Range(kOldestMinor, kNewestMinorWithContainers + 1));

TEST_P(VariablesOf, GlobalsLocalsAndAttributes) {
  const TargetAddr history = make.list({make.number(), make.number()});
  const TargetAddr trainer = make.instance("Trainer", {{python.string("cache"), make.dict({})}});
  const TargetAddr globals = module(
      {{python.string("history"), history}, {python.string("trainer"), trainer}, {python.string("n"), make.number()}});
  make.fill_frame(outer, body, globals, {});
  make.fill_frame(inner, step, globals, {{python.string("seen"), make.set({})}, {python.string("h"), history}});
  python.thread(main, inner, 0x1000, 11);
  EXPECT_THAT(read(), UnorderedElementsAre("__main__.history list 2", "__main__.trainer.cache dict 0",
                                           "__main__.step().seen set 0"))
      << "each once, under its longest-lived name";
}

TEST_P(VariablesOf, ALocalInACell) {
  const TargetAddr cell = python.object_of(python.type("cell"), 32);
  python.put_field(cell, Field::kCellContents, make.list({}).value());
  make.fill_frame(outer, body, module({}), {});
  make.fill_frame(inner, step, module({}), named("kept", cell));
  python.thread(main, inner, 0x1000, 11);
  EXPECT_THAT(read(), ElementsAre("__main__.step().kept list 0"));
}

TEST_P(VariablesOf, OnlyTheUsersCode) {
  make.fill_frame(outer, body, module(named("history", make.list({}))), {});
  python.thread(main, outer, 0x1000, 11);
  EXPECT_EQ(read().size(), 1U);
  EXPECT_TRUE(read([](const std::string& file) { return file != "/home/user/program.py"; }).empty());
}

// Bytes anywhere are overwritten, as by a program that goes on while it is read.
TEST_P(VariablesOf, AnyDamageIsSurvived) {
  FakeContainers::Items items;
  for (int i = 0; i < 20; ++i) items.emplace_back(python.string("key"), make.bytearray(1000));
  FakeContainers::Items variables = named("cache", make.dict(items, true));
  variables.emplace_back(python.string("trainer"), make.instance("Trainer", named("kept", make.list({make.array(9)}))));
  variables.emplace_back(python.string("seen"), make.set({make.number(), make.number()}));
  const TargetAddr globals = module(variables);
  make.fill_frame(outer, body, globals, {});
  make.fill_frame(inner, step, globals, named("own", make.list({make.list({}), make.list({})})));
  python.thread(main, inner, 0x1000, 11);
  const TargetAddr runtime = python.runtime(main);
  const std::size_t used = python.allocate(1) - TargetAddr(FakeMemory::kBase);
  const std::vector<std::byte> sound(python.memory().bytes().begin(), python.memory().bytes().end());
  std::uint64_t random = 1;
  const auto next = [&random] { return (random = random * 6364136223846793005U + 1442695040888963407U) >> 33; };
  std::size_t found = 0;
  for (int round = 0; round < 300; ++round) {
    std::copy_n(sound.begin(), used, python.memory().bytes().begin());
    for (int i = 0; i < 20; ++i) python.memory().bytes()[next() % used] = static_cast<std::byte>(next());
    Variables look(python.memory(), python.layout());
    for (const Variable& variable : look.read(runtime, [](const std::string&) { return true; })) {
      (void)look.weigh(variable, variable.length);
      EXPECT_LT(variable.length, std::uint64_t{1} << 40);
      ++found;
    }
  }
  EXPECT_GT(found, 300U) << "most looks see most";
}

TEST_P(VariablesOf, TornData) {
  make.fill_frame(outer, body, module(named("history", make.list({}))), {});
  python.put_field(outer, Field::kFrameGlobals, 0x30);
  python.thread(main, outer, 0x1000, 11);
  EXPECT_TRUE(read().empty());
  Variables variables(python.memory(), python.layout());
  EXPECT_TRUE(variables.read(TargetAddr(8), [](const std::string&) { return true; }).empty());
}

}  // namespace
}  // namespace segwhy::pystate
