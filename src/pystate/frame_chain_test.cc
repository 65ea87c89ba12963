#include "pystate/frame_chain.h"

#include <gtest/gtest.h>

#include <random>

#include "pystate/fake_python.h"

namespace segwhy::pystate {
namespace {

constexpr FrameLimits kLimits{4, 3, 5000};

class FramesOf : public testing::TestWithParam<int> {
 protected:
  FrameChain walk(TargetAddr first, const FrameLimits& limits = kLimits) {
    return walk_frames(objects, codes, first, limits);
  }
  std::string name(const RawFrame& frame) {
    const CodeInfo* info = codes.describe(frame.code);
    return info == nullptr ? "?" : info->function;
  }
  // f0 is called by f1, that by f2...; returns the innermost.
  TargetAddr chain_of(int frames) {
    TargetAddr at;
    for (int i = frames - 1; i >= 0; --i) at = python.frame(python.code(("f" + std::to_string(i)).c_str(), i + 1), at);
    return at;
  }

  FakePython python{GetParam(), std::size_t{16} << 20};
  ObjectReader objects{python.memory(), python.layout()};
  CodeObjects codes{objects};
};

INSTANTIATE_TEST_SUITE_P(Versions, FramesOf, testing::Range(kOldestMinor, kNewestMinor + 1));

TEST_P(FramesOf, InnermostFirstWithWhereEachIs) {
  const FrameChain chain = walk(chain_of(3));
  ASSERT_EQ(chain.innermost.size(), 3U);
  EXPECT_EQ(chain.depth, 3U);
  EXPECT_EQ(chain.problem, "");
  EXPECT_TRUE(chain.outermost.empty());
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(name(chain.innermost[i]), "f" + std::to_string(i));
    EXPECT_EQ(chain.innermost[i].instruction, 4);
  }
  EXPECT_TRUE(chain.innermost[2].entry);
}

TEST_P(FramesOf, NoFrames) {
  const FrameChain chain = walk(TargetAddr());
  EXPECT_EQ(chain.depth, 0U);
  EXPECT_EQ(chain.problem, "");
}

TEST_P(FramesOf, OfADeepStackTheEndsAreKept) {
  const FrameChain chain = walk(chain_of(1000));
  EXPECT_EQ(chain.depth, 1000U);
  ASSERT_EQ(chain.innermost.size(), 4U);
  ASSERT_EQ(chain.outermost.size(), 3U);
  EXPECT_EQ(name(chain.innermost[3]), "f3");
  EXPECT_EQ(name(chain.outermost[0]), "f997");
  EXPECT_EQ(name(chain.outermost[2]), "f999");
}

TEST_P(FramesOf, CountingEndsAtTheLimit) {
  const FrameChain chain = walk(chain_of(50), {4, 3, 20});
  EXPECT_EQ(chain.innermost.size(), 4U);
  EXPECT_TRUE(chain.outermost.empty());
  EXPECT_NE(chain.problem, "");
}

TEST_P(FramesOf, AChainThatLeadsBackEnds) {
  const TargetAddr outer = chain_of(1);
  const TargetAddr inner = python.frame(python.code("inner", 1), outer);
  python.put_field(outer, Field::kFrameBack, inner.value());
  EXPECT_NE(walk(inner, {100, 100, 1000000}).problem, "");
  EXPECT_LT(walk(inner, {100, 100, 1000000}).depth, 10U);
  python.put_field(outer, Field::kFrameBack, outer.value());
  EXPECT_NE(walk(outer).problem, "");
}

TEST_P(FramesOf, AChainIntoGarbageKeepsWhatWasGood) {
  for (const std::uint64_t garbage :
       {std::uint64_t{0x18}, std::uint64_t{0x4141414141414141}, FakeMemory::kBase + 3, std::uint64_t{0x7ffffffff000}}) {
    const TargetAddr good = python.frame(python.code("good", 1), TargetAddr(garbage));
    const FrameChain chain = walk(good);
    ASSERT_EQ(chain.innermost.size(), 1U);
    EXPECT_EQ(name(chain.innermost[0]), "good");
    EXPECT_NE(chain.problem, "");
  }
}

TEST_P(FramesOf, AFrameWithoutACodeObjectIsNone) {
  const TargetAddr frame = python.frame(python.string("no code"), TargetAddr());
  EXPECT_EQ(walk(frame).depth, 0U);
  EXPECT_NE(walk(frame).problem, "");
}

TEST_P(FramesOf, RandomMemoryGivesNoNames) {
  std::mt19937_64 random(7);
  const auto bytes = python.memory().bytes();
  for (std::size_t i = 0; i + 8 <= 65536; i += 8) {
    // Half of the words point into the memory itself, which leads further than plain noise.
    const std::uint64_t word = random() % 2 == 0 ? random() : FakeMemory::kBase + random() % 65536 / 8 * 8;
    std::memcpy(bytes.data() + i, &word, sizeof(word));
  }
  for (std::uint64_t at = 0; at < 65536; at += 8) {
    const FrameChain chain = walk(TargetAddr(FakeMemory::kBase + at));
    EXPECT_EQ(chain.depth, 0U);
  }
}

TEST(FrameChain, Before311EachFrameIsAnEntry) {
  FakePython python(9);
  ObjectReader objects(python.memory(), python.layout());
  CodeObjects codes(objects);
  const TargetAddr outer = python.frame(python.code("outer", 1), TargetAddr());
  const FrameChain chain = walk_frames(objects, codes, python.frame(python.code("inner", 1), outer), kLimits);
  EXPECT_TRUE(chain.innermost.at(0).entry);
  EXPECT_TRUE(chain.innermost.at(1).entry);
}

TEST(FrameChain, In311FramesSayWhetherTheyAreEntries) {
  FakePython python(11);
  ObjectReader objects(python.memory(), python.layout());
  CodeObjects codes(objects);
  const TargetAddr outer = python.frame(python.code("outer", 1), TargetAddr(), {.entry = true});
  const TargetAddr entry = python.frame(python.code("callback", 1), outer, {.entry = true});
  const TargetAddr inner = python.frame(python.code("inner", 1), entry);
  const FrameChain chain = walk_frames(objects, codes, inner, kLimits);
  ASSERT_EQ(chain.depth, 3U);
  EXPECT_FALSE(chain.innermost[0].entry);
  EXPECT_TRUE(chain.innermost[1].entry);
  EXPECT_TRUE(chain.innermost[2].entry);
}

class ShimsOf : public FramesOf {};
INSTANTIATE_TEST_SUITE_P(Versions, ShimsOf, testing::Range(12, kNewestMinor + 1));

TEST_P(ShimsOf, AShimMarksTheFrameItCallsAndIsNotShown) {
  const TargetAddr bottom = python.frame(TargetAddr(), TargetAddr(), {.owner = 3});
  const TargetAddr outer = python.frame(python.code("outer", 1), bottom);
  const TargetAddr shim = python.frame(TargetAddr(), outer, {.owner = 3});
  const TargetAddr entry = python.frame(python.code("callback", 1), shim);
  const FrameChain chain = walk(python.frame(python.code("inner", 1), entry));
  ASSERT_EQ(chain.depth, 3U);
  EXPECT_EQ(chain.problem, "");
  EXPECT_FALSE(chain.innermost[0].entry);
  EXPECT_TRUE(chain.innermost[1].entry);
  EXPECT_TRUE(chain.innermost[2].entry);
}

TEST_P(ShimsOf, FramesBeingSetUpAreShownOnlyInnermost) {
  const auto incomplete = [&](const char* function, int line) {
    const TargetAddr code = python.code(function, line);
    python.put(code + python.layout()[Field::kCodeFirstTraceable], std::int32_t{4});
    return code;
  };
  const TargetAddr outer = python.frame(python.code("outer", 1), TargetAddr());
  const TargetAddr trampoline = python.frame(incomplete("trampoline", 1), outer, {.instruction = 2});
  const TargetAddr inner = python.frame(python.code("inner", 1), trampoline);
  const FrameChain hidden = walk(inner);
  ASSERT_EQ(hidden.depth, 2U);
  EXPECT_EQ(name(hidden.innermost[1]), "outer");

  const FrameChain about_to_begin = walk(python.frame(incomplete("begins", 5), outer, {.instruction = -2}));
  ASSERT_EQ(about_to_begin.depth, 2U);
  EXPECT_EQ(name(about_to_begin.innermost[0]), "begins");
  // A generator's frame is complete wherever it stands.
  EXPECT_EQ(walk(python.frame(python.code("inner", 1),
                              python.frame(incomplete("generator", 1), outer, {.instruction = 2, .owner = 1})))
                .depth,
            3U);
}

TEST(FrameChain, From314OnCodeReferencesCarryFlags) {
  FakePython python(14);
  ObjectReader objects(python.memory(), python.layout());
  CodeObjects codes(objects);
  const TargetAddr frame = python.frame(python.code("tagged", 3), TargetAddr());
  python.put_field(frame, Field::kFrameCode,
                   python.memory().value<std::uint64_t>(frame + python.layout()[Field::kFrameCode]).value() | 1);
  const FrameChain chain = walk_frames(objects, codes, frame, kLimits);
  ASSERT_EQ(chain.depth, 1U);
  EXPECT_EQ(chain.innermost[0].instruction, 4);
}

}  // namespace
}  // namespace segwhy::pystate
