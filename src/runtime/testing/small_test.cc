// The small tier of --protect all: good programs see no difference, and what bad ones do is found, with the block.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <string.h>

#include "evidence/wire/blocks.h"
#include "runtime/testing/fake_monitor.h"

namespace segwhy::runtime::testing {
namespace {

class SmallTest : public ::testing::Test {
 protected:
  SmallTest() { monitor_.session().budget_permille = 0; }

  FakeMonitor monitor_{FakeMonitor::Slots::kFree, wire::kProtectAll};

  Outcome run(const std::vector<std::string>& arguments) { return monitor_.run(subject(arguments)); }
  void expect_no_difference(const Program& program) {
    const Outcome plain = FakeMonitor::run_plain(program);
    const Outcome outcome = monitor_.run(program);
    EXPECT_EQ(outcome.output, plain.output);
    EXPECT_EQ(outcome.status, plain.status);
    for (std::size_t process = 0; process < monitor_.processes().size(); ++process)
      EXPECT_EQ(findings(process)->count, 0u);
  }

  wire::AreaHeader header(std::size_t process = 0) {
    wire::AreaHeader header{};
    const std::string bytes = monitor_.area_bytes(*monitor_.processes().at(process), 0, sizeof header);
    if (bytes.size() == sizeof header) memcpy(&header, bytes.data(), sizeof header);
    return header;
  }
  std::unique_ptr<wire::Findings> findings(std::size_t process = 0) {
    auto found = std::make_unique<wire::Findings>();
    const std::uint64_t offset = header(process).sections[wire::kSectionFindings].offset;
    const std::string bytes = monitor_.area_bytes(*monitor_.processes().at(process), offset, sizeof(wire::Findings));
    if (bytes.size() == sizeof(wire::Findings)) memcpy(found.get(), bytes.data(), bytes.size());
    return found;
  }
};

TEST_F(SmallTest, ChangesNothingForTheProgram) {
  expect_no_difference(subject({"use-heap"}));
  EXPECT_EQ(header().mode, wire::kProtectAll);
}

TEST_F(SmallTest, SurvivesThreadsThatResizeAndFork) {
  expect_no_difference(subject({"churn-small"}));
}

TEST_F(SmallTest, SurvivesThreadsThatShareBlocksAndFork) {
  expect_no_difference(subject({"stress", "32", "500"}));
}

TEST_F(SmallTest, GoodUseOfALateBlockIsNoFinding) {
  expect_no_difference(subject({"misuse-small", "not"}));
}

struct Misuse {
  const char* how;
  std::uint32_t kind;
  std::int64_t offset;
  int signal;
};

class Misused : public SmallTest, public ::testing::WithParamInterface<Misuse> {};

TEST_P(Misused, LateBlockIsNamed) {
  const Misuse& misuse = GetParam();
  const Outcome outcome = run({"misuse-small", misuse.how});
  if (misuse.signal == 0)
    EXPECT_EQ(outcome.output, "done\n");
  else
    EXPECT_EQ(outcome.signal(), misuse.signal);
  const auto found = findings();
  ASSERT_EQ(found->count, 1u);
  const wire::Finding& finding = found->entries[0];
  EXPECT_EQ(finding.kind, misuse.kind);
  EXPECT_EQ(finding.offset, misuse.offset);
  EXPECT_EQ(finding.block.size, 40u);
  EXPECT_EQ(finding.block.kind, wire::kBlockSmall);
  EXPECT_NE(finding.block.allocation_stack, 0u);
}

INSTANTIATE_TEST_SUITE_P(Small, Misused,
                         ::testing::Values(Misuse{"past", wire::kFindingWriteBehind, 40, 0},
                                           Misuse{"write-freed", wire::kFindingWriteAfterFree, 3, 0},
                                           Misuse{"twice", wire::kFindingDoubleFree, 0, SIGABRT},
                                           Misuse{"inside", wire::kFindingInvalidFree, 16, SIGABRT}));

TEST_F(SmallTest, FreesOfLocalsAndGlobalsAreNoted) {
  for (const char* what : {"local", "global"}) {
    EXPECT_EQ(run({"free-stray", what}).signal(), SIGABRT) << what;
    const auto found = findings();
    ASSERT_EQ(found->count, 1u) << what;
    EXPECT_EQ(found->entries[0].kind, wire::kFindingInvalidFree) << what;
    EXPECT_EQ(found->entries[0].block.state, wire::kBlockNever) << what;
  }
}

TEST_F(SmallTest, HeapBehindAThreadsStackIsNoLocal) {
  EXPECT_EQ(run({"free-behind-stack"}).output, "freed\n");
  EXPECT_EQ(findings()->count, 0u);
}

TEST_F(SmallTest, NewMemoryHoldsThePattern) {
  EXPECT_EQ(run({"print-fresh"}).output, "bebe bebe 0000 01be 01be\n");
}

// A block that ends at its guard: the first byte past its alignment traps, freed memory at once.
TEST_F(SmallTest, FirstBlocksOfAPlaceTrap) {
  for (const auto& [offset, freed] : {std::pair{"112", "0"}, {"0", "1"}, {"99", "1"}}) {
    const Outcome outcome = run({"touch", "100", "16", offset, "0", freed});
    EXPECT_EQ(outcome.signal(), SIGSEGV) << offset << freed;
  }
}

}  // namespace
}  // namespace segwhy::runtime::testing
