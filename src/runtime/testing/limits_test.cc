// The protected heap where the system is short of something: nothing fails that would not fail plainly.
#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "evidence/wire/blocks.h"
#include "runtime/testing/fake_monitor.h"
#include "runtime/testing/refuse_call.h"

namespace segwhy::runtime::testing {
namespace {

class LimitsTest : public ::testing::TestWithParam<wire::ProtectMode> {
 protected:
  // Runs it plain too, and expects the same output and end, and nothing found.
  void run_both(const Program& program) {
    const Outcome plain = FakeMonitor::run_plain(program);
    const Outcome outcome = monitor_.run(program);
    EXPECT_EQ(outcome.output, plain.output);
    EXPECT_EQ(outcome.error_output, plain.error_output);
    EXPECT_EQ(outcome.status, plain.status);
    for (const wire::ProcessRecord* const process : monitor_.processes()) EXPECT_EQ(finding_count(*process), 0u);
  }
  void run_both(std::vector<std::string> arguments, void (*in_child)()) {
    Program program = subject(std::move(arguments));
    program.in_child = in_child;
    run_both(program);
  }

  FakeMonitor monitor_{FakeMonitor::Slots::kFree, GetParam()};

 private:
  template <typename T>
  T read(const wire::ProcessRecord& process, std::uint64_t offset) {
    T value{};
    const std::string bytes = monitor_.area_bytes(process, offset, sizeof value);
    if (bytes.size() == sizeof value) memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::uint32_t finding_count(const wire::ProcessRecord& process) {
    const auto header = read<wire::AreaHeader>(process, 0);
    if (header.magic != wire::kAreaMagic) return 0;
    return read<wire::Findings>(process, header.sections[wire::kSectionFindings].offset).count;
  }
};

INSTANTIATE_TEST_SUITE_P(Heap, LimitsTest, ::testing::Values(wire::kProtectTensors, wire::kProtectAll),
                         [](const auto& mode) { return mode.param == wire::kProtectAll ? "all" : "tensors"; });

TEST_P(LimitsTest, IsAsSafeWithoutUserfaultfd) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"use-heap"}, {"stress", "8", "500"}, {"fork-and-use"}, {"advise"}})
    run_both(command, &refuse_call<SYS_userfaultfd, EPERM>);
}

template <int resource, rlim_t limit>
void set_limit() {
  const rlimit both{limit, limit};
  setrlimit(resource, &both);
}

constexpr rlim_t kMiB = rlim_t{1} << 20;

TEST_P(LimitsTest, LeavesALimitOnAddressSpaceToTheProgram) {
  run_both({"use-heap"}, &set_limit<RLIMIT_AS, 256 * kMiB>);
  run_both({"use-heap"}, &set_limit<RLIMIT_AS, 1024 * kMiB>);
  run_both({"use-heap"}, &set_limit<RLIMIT_AS, 8192 * kMiB>);
}

TEST_P(LimitsTest, LeavesRoomForThreadsUnderALimitOnAddressSpace) {
  run_both({"stress", "16", "500", "0", "64"}, &set_limit<RLIMIT_AS, 4096 * kMiB>);
}

TEST_P(LimitsTest, LeavesDataToTheProgramWhereItIsLimited) {
  run_both({"stress", "2", "1500", "0", "64"}, &set_limit<RLIMIT_DATA, 512 * kMiB>);
}

TEST_P(LimitsTest, RunsWithFewDescriptors) {
  run_both({"use-heap"}, &set_limit<RLIMIT_NOFILE, 16>);
}

TEST_P(LimitsTest, RunsWhereNoThreadCanBeStarted) {
  run_both({"stress", "4", "500"}, &refuse_call<SYS_clone3, EAGAIN>);
}

TEST_P(LimitsTest, RunsWhereNoMappingIsLeft) {
  run_both({"use-without-mappings"}, [] {});
}

TEST_P(LimitsTest, RunsWithoutHugePages) {
  run_both({"stress", "8", "500"}, [] { prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); });
}

}  // namespace
}  // namespace segwhy::runtime::testing
