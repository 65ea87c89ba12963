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
};

class Transfers : public TransferTest, public ::testing::WithParamInterface<Name> {
 protected:
  // The only finding: by its first call, that later ones of the same place repeat.
  void expect_finding(const std::string& offset, const std::string& freed, std::int64_t wrong, std::uint64_t count,
                      int block_state) {
    const auto found = run({GetParam().name, offset, freed});
    // A split buffer may be wrong in both of its parts.
    ASSERT_GE(found->count, 1u);
    EXPECT_EQ(found->count, 1u);
    const wire::Finding& finding = found->entries[0];
    EXPECT_EQ(finding.complete, 1u);
    EXPECT_EQ(finding.kind, GetParam().kind);
    EXPECT_NE(finding.pc, 0u);
    EXPECT_EQ(finding.offset, wrong);
    EXPECT_EQ(finding.wrong_bytes, count);
    EXPECT_EQ(finding.block.size, 1000u);
    EXPECT_EQ(finding.block.state, block_state);
    EXPECT_NE(finding.stack, 0u);
  }
  std::unique_ptr<wire::Findings> run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "transfer");
    return TransferTest::run(arguments);
  }
};

TEST_P(Transfers, WithinTheBlockAreNothing) {
  EXPECT_EQ(run({GetParam().name, "900", "0"})->count, 0u);
  EXPECT_EQ(run({GetParam().name, "0", "0"})->count, 0u);
}

TEST_P(Transfers, PastTheEndAreFoundAndSucceed) {
  expect_finding("960", "0", 1000, 60 - 0, wire::kBlockLive);
}

TEST_P(Transfers, BeforeTheStartAreFoundAndSucceed) {
  expect_finding("-40", "0", -40, 40, wire::kBlockLive);
}

INSTANTIATE_TEST_SUITE_P(
    Calls, Transfers,
    ::testing::Values(Name{"write", wire::kFindingCallRead},
                      Name{"pwrite", wire::kFindingCallRead},
                      Name{"send", wire::kFindingCallRead},
                      Name{"sendto", wire::kFindingCallRead},
                      Name{"writev", wire::kFindingCallRead},
                      Name{"pwritev", wire::kFindingCallRead},
                      Name{"sendmsg", wire::kFindingCallRead},
                      Name{"read", wire::kFindingCallWrite},
                      Name{"pread", wire::kFindingCallWrite},
                      Name{"recv", wire::kFindingCallWrite},
                      Name{"recvfrom", wire::kFindingCallWrite},
                      Name{"readv", wire::kFindingCallWrite},
                      Name{"preadv", wire::kFindingCallWrite},
                      Name{"recvmsg", wire::kFindingCallWrite}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace segwhy::runtime::testing
