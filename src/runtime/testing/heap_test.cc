// The protected heap: programs that do nothing wrong see no difference; wrong ones are stopped at the first wrong
// access or found out later, and the flight recorder tells of the block.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "evidence/wire/blocks.h"
#include "runtime/testing/fake_monitor.h"
#include "runtime/testing/refuse_call.h"

namespace segwhy::runtime::testing {
namespace {

using wire::BlockRecord;

class HeapTest : public ::testing::Test {
 protected:
  FakeMonitor monitor_{FakeMonitor::Slots::kFree, wire::kProtectTensors};

  Outcome run(const std::vector<std::string>& arguments) { return monitor_.run(subject(arguments)); }

  // Runs it plain too, and expects the same output and end.
  Outcome run_both(const Program& program) {
    const Outcome plain = FakeMonitor::run_plain(program);
    Outcome outcome = monitor_.run(program);
    EXPECT_EQ(outcome.output, plain.output);
    EXPECT_EQ(outcome.error_output, plain.error_output);
    EXPECT_EQ(outcome.status, plain.status);
    return outcome;
  }

  template <typename T>
  T read(std::uint64_t offset, std::size_t process = 0) {
    const std::string bytes = monitor_.area_bytes(*monitor_.processes().at(process), offset, sizeof(T));
    T value{};
    if (bytes.size() == sizeof(T)) memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
  wire::AreaHeader header(std::size_t process = 0) { return read<wire::AreaHeader>(0, process); }

  // The record of the slot that `address` lies in.
  BlockRecord block_at(std::uint64_t address, std::size_t process = 0) {
    const std::uint64_t table = header(process).sections[wire::kSectionBlocks].offset;
    for (const wire::Region& region : read<wire::BlockTable>(table, process).regions) {
      if (address < region.base || address - region.base >= region.stride * region.slots) continue;
      const std::uint64_t record = region.first_record + (address - region.base) / region.stride;
      return read<BlockRecord>(table + sizeof(wire::BlockTable) + record * sizeof(BlockRecord), process);
    }
    return {};
  }
  // The kinds of what was found in any process.
  std::vector<std::uint32_t> all_findings() {
    std::vector<std::uint32_t> kinds;
    for (std::size_t process = 0; process < monitor_.processes().size(); ++process) {
      const auto found = std::make_unique<wire::Findings>(findings(process));
      for (std::uint32_t i = 0; i < std::min(found->count, wire::kMaxFindings); ++i)
        kinds.push_back(found->entries[i].kind);
    }
    return kinds;
  }
  wire::Findings findings(std::size_t process = 0) {
    return read<wire::Findings>(header(process).sections[wire::kSectionFindings].offset, process);
  }
};

TEST_F(HeapTest, ChangesNothingForTheProgram) {
  run_both(subject({"use-heap"}));
  EXPECT_EQ(header().mode, wire::kProtectTensors);
  EXPECT_GT(header().protected_blocks, 100u);
  EXPECT_EQ(findings().count, 0u);
  EXPECT_EQ(header().lost_revocations, 0u);
}

TEST_F(HeapTest, KeepsItsAccountsThroughResizing) {
  run_both(subject({"grow-and-shrink"}));
  for (const std::uint64_t unprotected : header().unprotected_blocks) EXPECT_EQ(unprotected, 0u);
  EXPECT_THAT(all_findings(), ::testing::IsEmpty());
}

TEST_F(HeapTest, AlignsNoPlainBlockLikeAFrameworksBuffer) {
  EXPECT_EQ(run({"print-alignment"}).output, "0\n");
}

// size, alignment, offset, write, freed before
struct Access {
  const char* size;
  const char* alignment;
  const char* offset;
  const char* write;
  const char* freed;
};

class Stopped : public HeapTest, public ::testing::WithParamInterface<Access> {};

TEST_P(Stopped, AtTheFirstWrongAccess) {
  const Access& access = GetParam();
  const Outcome outcome = run({"touch", access.size, access.alignment, access.offset, access.write, access.freed});
  EXPECT_EQ(outcome.signal(), SIGSEGV);
  ASSERT_THAT(outcome.crashes, ::testing::SizeIs(1));
  const std::uint64_t block = std::stoull(outcome.output);
  EXPECT_EQ(outcome.crashes[0].signal, SIGSEGV);
  EXPECT_EQ(outcome.crashes[0].address, block + static_cast<std::uint64_t>(std::stoll(access.offset)));
  const BlockRecord record = block_at(block);
  EXPECT_EQ(record.address, block);
  EXPECT_EQ(record.size, std::stoull(access.size));
  EXPECT_EQ(record.state, access.freed[0] == '1' ? wire::kBlockQuarantined : wire::kBlockLive);
  EXPECT_EQ(record.allocating_tid, outcome.crashes[0].tid);
}

INSTANTIATE_TEST_SUITE_P(
    Heap, Stopped,
    ::testing::Values(Access{"100", "64", "0", "0", "1"}, Access{"100", "64", "99", "1", "1"},
                      Access{"1", "32", "0", "1", "1"}, Access{"4096", "64", "4095", "0", "1"},
                      Access{"262144", "64", "5", "0", "1"}, Access{"70000", "16", "7", "1", "1"},
                      Access{"9000000", "16", "8999999", "0", "1"}, Access{"64", "64", "64", "0", "0"},
                      Access{"100", "64", "128", "1", "0"}, Access{"8192", "64", "8192", "0", "0"},
                      Access{"300000", "64", "300032", "0", "0"}, Access{"9000000", "64", "9000000", "1", "0"},
                      Access{"8192", "64", "-1", "0", "0"}, Access{"5242880", "64", "-1", "1", "0"}));

struct Late {
  const char* size;
  const char* alignment;
  const char* offset;
  std::uint32_t kind;
};

class FoundLate : public HeapTest, public ::testing::WithParamInterface<Late> {};

TEST_P(FoundLate, WhenTheBlockIsFreed) {
  const Late& late = GetParam();
  const Outcome outcome = run({"touch", late.size, late.alignment, late.offset, "1", "0"});
  EXPECT_EQ(outcome.status, 0);
  const auto found = std::make_unique<wire::Findings>(findings());
  ASSERT_EQ(found->count, 1u);
  const wire::Finding& finding = found->entries[0];
  EXPECT_EQ(finding.complete, 1u);
  EXPECT_EQ(finding.kind, late.kind);
  EXPECT_EQ(finding.offset, std::stoll(late.offset));
  EXPECT_EQ(finding.wrong_bytes, 1u);
  EXPECT_EQ(finding.seen[0], 7);
  EXPECT_NE(finding.expected[0], 7);
  EXPECT_EQ(finding.block.size, std::stoull(late.size));
  EXPECT_EQ(finding.last_good_ticks, finding.block.allocated_ticks);
  EXPECT_GT(finding.found_ticks, finding.last_good_ticks);
}

INSTANTIATE_TEST_SUITE_P(Heap, FoundLate,
                         ::testing::Values(Late{"100", "64", "100", wire::kFindingWriteBehind},
                                           Late{"100", "64", "127", wire::kFindingWriteBehind},
                                           Late{"70001", "16", "70001", wire::kFindingWriteBehind},
                                           Late{"100", "64", "-1", wire::kFindingWriteBefore},
                                           Late{"100", "64", "-32", wire::kFindingWriteBefore}));

TEST_F(HeapTest, FindsAnOverwrittenCanaryAtTheEnd) {
  EXPECT_EQ(run({"overflow-and-exit"}).status, 0);
  const auto found = std::make_unique<wire::Findings>(findings());
  ASSERT_EQ(found->count, 1u);
  EXPECT_EQ(found->entries[0].kind, wire::kFindingWriteBehind);
  EXPECT_EQ(found->entries[0].offset, 110);
  EXPECT_EQ(found->entries[0].block.state, wire::kBlockLive);
}

TEST_F(HeapTest, StopsADoubleFreeAndTellsOfBothFrees) {
  const Outcome outcome = run({"free-twice"});
  EXPECT_EQ(outcome.signal(), SIGABRT);
  EXPECT_THAT(outcome.crashes, ::testing::SizeIs(1));
  const auto found = std::make_unique<wire::Findings>(findings());
  ASSERT_EQ(found->count, 1u);
  EXPECT_EQ(found->entries[0].kind, wire::kFindingDoubleFree);
  EXPECT_EQ(found->entries[0].offset, 0);
  EXPECT_EQ(found->entries[0].block.state, wire::kBlockQuarantined);
  EXPECT_NE(found->entries[0].stack, found->entries[0].block.free_stack);
}

TEST_F(HeapTest, StopsAFreeInsideABlock) {
  const Outcome outcome = run({"free-inside"});
  EXPECT_EQ(outcome.signal(), SIGABRT);
  const auto found = std::make_unique<wire::Findings>(findings());
  ASSERT_EQ(found->count, 1u);
  EXPECT_EQ(found->entries[0].kind, wire::kFindingInvalidFree);
  EXPECT_EQ(found->entries[0].offset, 64);
}

TEST_F(HeapTest, ServesAForkedChild) {
  run_both(subject({"fork-and-use"}));
  ASSERT_EQ(monitor_.processes().size(), 2u);
  EXPECT_EQ(header(1).parent.record, 1u);
  EXPECT_EQ(header(1).parent.generation, header(0).generation);
  EXPECT_GT(header(1).parent.fork_ticks, header(0).first_clock.ticks);
  EXPECT_GT(header(1).protected_blocks, 0u);
  EXPECT_THAT(all_findings(), ::testing::IsEmpty());
}

TEST_F(HeapTest, IsHarmlessInARawFork) {
  run_both(subject({"fork-and-use", "1"}));
}

TEST_F(HeapTest, StopsAChildThatUsesItsParentsFreedBlock) {
  const Outcome outcome = run({"crash-in-child"});
  EXPECT_EQ(outcome.output, std::to_string(SIGSEGV) + "\n");
  EXPECT_EQ(outcome.status, 0);
}

TEST_F(HeapTest, SurvivesThreadsThatShareBlocksAndFork) {
  run_both(subject({"stress", "32", "500"}));
  EXPECT_THAT(all_findings(), ::testing::IsEmpty());
}

TEST_F(HeapTest, WithABudgetTooSmallIsAsSafe) {
  monitor_.session().budget_permille = 1;
  run_both(subject({"stress", "16", "500"}));
  EXPECT_THAT(all_findings(), ::testing::IsEmpty());
}

TEST_F(HeapTest, ToleratesSignalHandlersThatAllocate) {
  EXPECT_EQ(run({"allocate-in-signals"}).output, "done\n");
  EXPECT_EQ(findings().count, 0u);
}

TEST_F(HeapTest, GoesOnWhenTheProgramClosesItsDescriptors) {
  run_both(subject({"close-descriptors"}));
}

TEST_F(HeapTest, LetsTheProgramAdviseAndLockItsMemory) {
  run_both(subject({"advise"}));
}

TEST_F(HeapTest, TakesNoDescriptorThatTheProgramFinds) {
  run_both(subject({"leave-descriptors"}));
}

// --- what the system refuses ---------------------------------------------------------------------------------------

TEST_F(HeapTest, FallsBackWithoutUserfaultfd) {
  Program program = subject({"touch", "100", "64", "0", "0", "1"});
  program.in_child = &refuse_call<SYS_userfaultfd, EPERM>;
  EXPECT_EQ(monitor_.run(program).signal(), SIGSEGV);
  EXPECT_EQ(header().tactic_small, wire::kTacticProtect);
  EXPECT_EQ(header().refused[wire::kTacticMove], EPERM);
}

TEST_F(HeapTest, GivesItsReservationBackWhenTheProgramLimitsItself) {
  for (const char* const how : {"space", "data", "prlimit"}) {
    const Outcome outcome = run_both(subject({"limit-own-memory", how}));
    EXPECT_THAT(outcome.output, ::testing::StartsWith("limited 0\nused 1\nthread 0\n")) << how;
    EXPECT_GT(header().unprotected_blocks[wire::kUnprotectedLimit], 0u);
    EXPECT_THAT(all_findings(), ::testing::IsEmpty());
  }
}

TEST_F(HeapTest, KeepsGuardsOfBlocksFromBeforeTheLimit) {
  EXPECT_EQ(run({"touch-behind-own-limit"}).signal(), SIGSEGV);
}

TEST_F(HeapTest, SaysSoWhereNothingIsProtected) {
  Program program = subject({"use-heap"});
  program.in_child = [] {
    const rlimit address_space{64 << 20, 64 << 20};  // no room for an area or a reservation
    setrlimit(RLIMIT_AS, &address_space);
  };
  run_both(program);
  EXPECT_EQ(header().protected_blocks, 0u);
  EXPECT_EQ(header().mode, wire::kProtectOff);
}

}  // namespace
}  // namespace segwhy::runtime::testing
