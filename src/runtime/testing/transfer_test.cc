// System calls on protected blocks: the program sees what it sees plainly, and what the kernel transferred outside of a
// block is a finding of the very call.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string.h>

#include <memory>

#include "evidence/wire/blocks.h"
#include "runtime/testing/fake_monitor.h"

namespace segwhy::runtime::testing {
namespace {

class TransferTest : public ::testing::Test {
 protected:
  FakeMonitor monitor_{FakeMonitor::Slots::kFree, wire::kProtectTensors};

  // Its findings, and that the program prints and ends as it does plainly.
  std::unique_ptr<wire::Findings> run(const std::vector<std::string>& arguments) {
    const Program program = subject(arguments);
    const Outcome plain = FakeMonitor::run_plain(program);
    const Outcome outcome = monitor_.run(program);
    EXPECT_EQ(outcome.output, plain.output);
    EXPECT_EQ(outcome.status, plain.status);
    EXPECT_EQ(outcome.error_output, plain.error_output);
    const wire::ProcessRecord& process = *monitor_.processes().at(0);
    wire::AreaHeader header{};
    copy(monitor_.area_bytes(process, 0, sizeof header), &header, sizeof header);
    auto found = std::make_unique<wire::Findings>();
    copy(monitor_.area_bytes(process, header.sections[wire::kSectionFindings].offset, sizeof *found), found.get(),
         sizeof *found);
    return found;
  }

 private:
  static void copy(const std::string& bytes, void* to, std::size_t size) {
    ASSERT_EQ(bytes.size(), size);
    memcpy(to, bytes.data(), size);
  }
};

struct Name {
  const char* name;
  std::uint32_t kind;
  std::uint32_t calls;  // that the program makes
};

class Transfers : public TransferTest, public ::testing::WithParamInterface<Name> {
 protected:
  // The only finding: by its first call, that later ones of the same place repeat.
  void expect_finding(const std::string& offset, const std::string& freed, std::int64_t wrong, std::uint64_t count,
                      int block_state) {
    const auto found = run(offset, freed);
    ASSERT_EQ(found->count, 1u);
    const wire::Finding& finding = found->entries[0];
    EXPECT_EQ(finding.complete, 1u);
    EXPECT_EQ(finding.kind, GetParam().kind);
    EXPECT_NE(finding.pc, 0u);
    EXPECT_EQ(finding.offset, wrong);
    EXPECT_EQ(finding.wrong_bytes, count);
    EXPECT_EQ(finding.repeats, GetParam().calls - 1);
    EXPECT_EQ(finding.block.size, 1000u);
    EXPECT_EQ(finding.block.state, block_state);
    EXPECT_NE(finding.stack, 0u);
  }
  std::unique_ptr<wire::Findings> run(const std::string& offset, const std::string& freed) {
    return TransferTest::run({"transfer", GetParam().name, offset, freed});
  }
};

TEST_P(Transfers, WithinTheBlockAreNothing) {
  EXPECT_EQ(run("900", "0")->count, 0u);
  EXPECT_EQ(run("0", "0")->count, 0u);
}

TEST_P(Transfers, PastTheEndAreFoundAndSucceed) {
  expect_finding("950", "0", 1000, 50, wire::kBlockLive);
}

TEST_P(Transfers, BeforeTheStartAreFoundAndSucceed) {
  expect_finding("-50", "0", -50, 50, wire::kBlockLive);
}

TEST_P(Transfers, OnAFreedBlockAreFoundAndSucceed) {
  const auto found = run("100", "1");
  ASSERT_EQ(found->count, 1u);
  EXPECT_EQ(found->entries[0].kind, GetParam().kind);
  EXPECT_EQ(found->entries[0].offset, 100);
  EXPECT_GE(found->entries[0].wrong_bytes, 50u);  // all of it, or a part of a split buffer
  EXPECT_NE(found->entries[0].block.state, wire::kBlockLive);
  EXPECT_NE(found->entries[0].block.free_stack, 0u);
}

// A length is a limit: what counts is what arrives.
TEST_F(TransferTest, ALengthBeyondTheBlockIsNoErrorByItself) {
  for (const char* const call : {"read", "recv", "pread", "readv", "recvmsg"})
    EXPECT_EQ(run({"transfer", call, "0", "0", "5000"})->count, 0u) << call;
  for (const char* const call : {"read", "recv", "pread"})
    EXPECT_EQ(run({"transfer", call, "900", "0", "100000000"})->count, 0u) << call;
}

TEST_F(TransferTest, BeforeTheFirstBlockOfASizeAreFound) {
  const auto found = run({"transfer-before-first"});
  ASSERT_EQ(found->count, 1u);
  EXPECT_EQ(found->entries[0].offset, -8);
  EXPECT_EQ(found->entries[0].block.size, 65536u);
}

TEST_F(TransferTest, WildLengthsEndAsTheyDoPlainly) {
  EXPECT_EQ(run({"transfer-wildly"})->count, 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Calls, Transfers,
    ::testing::Values(Name{"write", wire::kFindingCallRead, 3}, Name{"pwrite", wire::kFindingCallRead, 3},
                      Name{"send", wire::kFindingCallRead, 3}, Name{"sendto", wire::kFindingCallRead, 3},
                      Name{"writev", wire::kFindingCallRead, 3}, Name{"pwritev", wire::kFindingCallRead, 3},
                      Name{"sendmsg", wire::kFindingCallRead, 3}, Name{"read", wire::kFindingCallWrite, 1},
                      Name{"pread", wire::kFindingCallWrite, 3}, Name{"recv", wire::kFindingCallWrite, 1},
                      Name{"recvfrom", wire::kFindingCallWrite, 1}, Name{"readv", wire::kFindingCallWrite, 1},
                      Name{"preadv", wire::kFindingCallWrite, 3}, Name{"recvmsg", wire::kFindingCallWrite, 1}));

}  // namespace
}  // namespace segwhy::runtime::testing
