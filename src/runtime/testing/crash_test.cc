// Deaths under the runtime: handed over, and then exactly the plain death.
#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include "runtime/testing/fake_monitor.h"

namespace segwhy::runtime::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

struct Death {
  std::vector<std::string> arguments;
  int signal;
};

void PrintTo(const Death& death, std::ostream* out) {
  for (const std::string& argument : death.arguments) *out << argument << ' ';
}

class EveryDeath : public ::testing::TestWithParam<Death> {};

TEST_P(EveryDeath, IsHandedOverAndEndsAsPlain) {
  const Program program = subject(GetParam().arguments);
  const Outcome plain = FakeMonitor::run_plain(program);
  ASSERT_EQ(plain.signal(), GetParam().signal);
  FakeMonitor monitor;
  const Outcome outcome = monitor.run(program);
  EXPECT_EQ(outcome.status, plain.status);
  EXPECT_EQ(outcome.error_output, plain.error_output);
  ASSERT_THAT(outcome.crashes, SizeIs(1));
  EXPECT_EQ(outcome.crashes[0].signal, GetParam().signal);
  EXPECT_FALSE(outcome.crashes[0].handled);
  EXPECT_FALSE(outcome.crashes[0].in_runtime);
  EXPECT_EQ(outcome.crashes[0].follows, 0u);
  EXPECT_EQ(monitor.session().lost_crashes, 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Crash, EveryDeath,
    ::testing::Values(Death{{"null"}, SIGSEGV}, Death{{"abort"}, SIGABRT}, Death{{"assert"}, SIGABRT},
                      Death{{"free"}, SIGABRT}, Death{{"illegal"}, SIGILL}, Death{{"divide"}, SIGFPE},
                      Death{{"trap"}, SIGTRAP}, Death{{"wild"}, SIGSEGV}, Death{{"bus"}, SIGBUS},
                      Death{{"raise", "6"}, SIGABRT}, Death{{"raise", "11"}, SIGSEGV}, Death{{"raise", "31"}, SIGSYS},
                      Death{{"raise", "5"}, SIGTRAP}, Death{{"recurse"}, SIGSEGV}, Death{{"in-handler"}, SIGSEGV},
                      Death{{"tiny-altstack"}, SIGABRT}, Death{{"thread", "null"}, SIGSEGV},
                      Death{{"thread", "overflow"}, SIGSEGV}, Death{{"thread", "blocked"}, SIGSEGV},
                      Death{{"thread", "abort-blocked"}, SIGABRT}, Death{{"thread", "destructor"}, SIGSEGV},
                      Death{{"thread", "null", "own"}, SIGSEGV}, Death{{"thread", "overflow", "own"}, SIGSEGV},
                      Death{{"thread", "blocked", "own"}, SIGSEGV}));

TEST(Crash, RecordHoldsTheFaultAsTheKernelDescribedIt) {
  FakeMonitor monitor;
  const Outcome outcome = monitor.run(subject({"null"}));
  ASSERT_THAT(outcome.crashes, SizeIs(1));
  const Crash& crash = outcome.crashes[0];
  EXPECT_EQ(crash.code, SEGV_MAPERR);
  EXPECT_EQ(crash.address, 0x10u);
  EXPECT_EQ(crash.registers.rip, std::stoull(outcome.output, nullptr, 16));
  EXPECT_EQ(crash.registers.cr2, 0x10u);
  EXPECT_EQ(crash.registers.trap_number, 14u);
  EXPECT_EQ(crash.registers.page_fault_error, 6u);  // a write from user mode, page not present
  EXPECT_NE(crash.registers.fs_base, 0u);
  EXPECT_EQ(crash.pid, crash.tid);
}

TEST(Crash, AbortTextIsKept) {
  FakeMonitor monitor;
  const Outcome failed = monitor.run(subject({"assert"}));
  ASSERT_THAT(failed.crashes, SizeIs(1));
  EXPECT_THAT(failed.crashes[0].abort_text, HasSubstr("the reason"));
  EXPECT_EQ(failed.crashes[0].abort_text, failed.error_output);
  const Outcome freed = monitor.run(subject({"free"}));
  ASSERT_THAT(freed.crashes, SizeIs(1));
  EXPECT_THAT(freed.crashes[0].abort_text, HasSubstr("free(): invalid pointer"));
  EXPECT_NE(freed.crashes[0].abort_text_address, 0u);
  const Outcome plain = monitor.run(subject({"abort"}));
  ASSERT_THAT(plain.crashes, SizeIs(1));
  EXPECT_EQ(plain.crashes[0].abort_text, "");
  EXPECT_EQ(plain.crashes[0].abort_text_address, 0u);
}

TEST(Crash, MaskInTheRecordIsTheApplications) {
  FakeMonitor monitor;
  const Outcome outcome = monitor.run(subject({"thread", "blocked"}));
  ASSERT_THAT(outcome.crashes, SizeIs(1));
  const std::uint64_t unblockable = (1ull << (SIGKILL - 1)) | (1ull << (SIGSTOP - 1)) | (3ull << 31);
  EXPECT_EQ(outcome.crashes[0].signal_mask, ~unblockable);
}

TEST(Crash, TwoThreadsAtOnceAreBothHandedOverAndTheProcessDies) {
  for (int round = 0; round < 20; ++round) {
    FakeMonitor monitor;
    std::set<std::uint32_t> tids;
    const Outcome outcome = monitor.run(subject({"two-threads"}), [&](wire::CrashRecord&) {
      // Both wait in their handlers before the first is released.
      for (const std::uint32_t& doorbell = monitor.session().doorbell; tids.size() < 2;) {
        (void)__atomic_load_n(&doorbell, __ATOMIC_ACQUIRE);
        for (const wire::CrashRecord& record : monitor.session().crashes) {
          if (__atomic_load_n(&record.state, __ATOMIC_ACQUIRE) >= wire::kCrashReady) tids.insert(record.tid);
        }
      }
    });
    EXPECT_EQ(outcome.signal(), SIGSEGV);
    EXPECT_EQ(tids.size(), 2u);
  }
}

// The value of rip in the first thread note of an ELF core file.
std::optional<std::uint64_t> core_pc(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  const std::string bytes = text.str();
  Elf64_Ehdr header;
  if (bytes.size() < sizeof header) return std::nullopt;
  memcpy(&header, bytes.data(), sizeof header);
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    memcpy(&segment, bytes.data() + header.e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_type != PT_NOTE) continue;
    Elf64_Nhdr note;
    memcpy(&note, bytes.data() + segment.p_offset, sizeof note);
    prstatus_t status;
    if (note.n_type != NT_PRSTATUS || note.n_descsz != sizeof status) return std::nullopt;
    memcpy(&status, bytes.data() + segment.p_offset + sizeof note + ((note.n_namesz + 3u) & ~3u), sizeof status);
    return status.pr_reg[16];
  }
  return std::nullopt;
}

class Directory {
 public:
  Directory() { path_ = mkdtemp(name_.data()); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::string name_ = (std::filesystem::temp_directory_path() / "segwhy-XXXXXX").string();
  std::filesystem::path path_;
};

TEST(Crash, CoreFileIsStillWrittenWithTheFaultingInstruction) {
  std::ifstream setting("/proc/sys/kernel/core_pattern");
  std::string pattern;
  std::getline(setting, pattern);
  if (pattern.empty() || pattern[0] == '|' || pattern[0] == '/') GTEST_SKIP() << "core files go to " << pattern;

  for (const char* const how : {"null", "wild", "trap", "abort"}) {
    const Directory directory;
    Program program = subject({how});
    program.in_child = [&] {
      const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
      setrlimit(RLIMIT_CORE, &unlimited);
      if (chdir(directory.path().c_str()) != 0) _exit(126);
    };
    FakeMonitor monitor;
    const Outcome outcome = monitor.run(program);
    ASSERT_TRUE(outcome.dumped_core()) << how;
    ASSERT_THAT(outcome.crashes, SizeIs(1));
    const auto core = *std::filesystem::directory_iterator(directory.path());
    EXPECT_EQ(core_pc(core.path()), outcome.crashes[0].registers.rip) << how;
    EXPECT_LT(std::filesystem::file_size(core.path()), 2u << 20) << "the session must not be in it";
  }
}

TEST(Crash, HandlerServesMemoryAndStopsAtWhatIsNotMapped) {
  FakeMonitor monitor;
  bool asked = false;
  monitor.run(subject({"null"}), [&](wire::CrashRecord& record) {
    asked = true;
    record.service_address = record.registers.rip;
    record.service_size = 11;
    FakeMonitor::request(record, wire::kRequestReadMemory);
    ASSERT_EQ(record.service_copied, 11u);
    const unsigned char code[] = {0xc7, 0x04, 0x25, 0x10, 0, 0, 0, 1, 0, 0, 0};
    EXPECT_EQ(memcmp(record.service, code, sizeof code), 0);

    for (const std::uint64_t bad : {std::uint64_t{0}, std::uint64_t{0x7878787878787878}, ~std::uint64_t{0}}) {
      record.service_address = bad;
      record.service_size = ~0u;
      FakeMonitor::request(record, wire::kRequestReadMemory);
      EXPECT_EQ(record.service_copied, 0u);
    }
    // Up to the end of the stack's mapping, and no further.
    record.service_address = record.registers.rsp;
    record.service_size = wire::kServiceBytes;
    FakeMonitor::request(record, wire::kRequestReadMemory);
    EXPECT_GT(record.service_copied, 0u);
    EXPECT_LT(record.service_copied, wire::kServiceBytes);
    FakeMonitor::request(record, 77);  // unknown ones are answered too
  });
  EXPECT_TRUE(asked);
}

TEST(Crash, HandlerCollectsTheRegistersOfOtherThreads) {
  FakeMonitor monitor;
  std::uint32_t listed = 0, complete = 0;
  const Outcome outcome = monitor.run(subject({"among-threads"}), [&](wire::CrashRecord& record) {
    FakeMonitor::request(record, wire::kRequestThreadContexts);
    listed = record.thread_context_count;
    for (std::uint32_t i = 0; i < listed; ++i) {
      EXPECT_NE(record.threads[i].tid, record.tid);
      if (record.threads[i].state == 0) continue;
      ++complete;
      EXPECT_NE(record.threads[i].registers.rsp, 0u);
      EXPECT_NE(record.threads[i].registers.fs_base, record.registers.fs_base);
    }
  });
  EXPECT_EQ(outcome.signal(), SIGSEGV);
  EXPECT_EQ(listed, 3u);
  EXPECT_EQ(complete, 2u) << "all but the thread that blocks every signal";
}

TEST(Crash, EndsWithoutAMonitorAtOnce) {
  FakeMonitor monitor;
  monitor.session().monitor_mutex[0] = 0x40000000;  // FUTEX_OWNER_DIED: what the kernel leaves behind
  const Outcome outcome = monitor.run(subject({"null"}));
  EXPECT_EQ(outcome.signal(), SIGSEGV);
  ASSERT_THAT(outcome.crashes, SizeIs(1));
}

TEST(Crash, EndsWhenTheMonitorDiesWhileTheHandlerWaits) {
  FakeMonitor monitor;
  const Outcome outcome = monitor.run(subject({"null"}), [&](wire::CrashRecord& record) {
    __atomic_store_n(&monitor.session().monitor_mutex[0], 0x40000000u, __ATOMIC_RELEASE);
    while (__atomic_load_n(&record.state, __ATOMIC_ACQUIRE) != wire::kCrashReleased) {
    }
  });
  EXPECT_EQ(outcome.signal(), SIGSEGV);
}

// The same with a real monitor's death: the kernel marks the robust mutex of a process that SIGKILL took.
TEST(Crash, EndsWhenTheProcessThatHoldsTheMutexIsKilled) {
  FakeMonitor monitor;
  std::array<int, 2> held{};
  ASSERT_EQ(pipe(held.data()), 0);
  const pid_t holder = fork();
  if (holder == 0) {
    monitor.hold_mutex();
    (void)!write(held[1], "", 1);
    for (;;) pause();
  }
  char byte = 0;
  ASSERT_EQ(read(held[0], &byte, 1), 1);
  const Outcome outcome = monitor.run(subject({"null"}), [&](wire::CrashRecord& record) {
    EXPECT_EQ(record.state, wire::kCrashTaken);
    kill(holder, SIGKILL);
    waitpid(holder, nullptr, 0);
    while (__atomic_load_n(&record.state, __ATOMIC_ACQUIRE) != wire::kCrashReleased) {
    }
  });
  EXPECT_EQ(outcome.signal(), SIGSEGV);
  monitor.hold_mutex();
}

TEST(Crash, EndsWhenTheMonitorTakesTooLong) {
  FakeMonitor monitor;
  monitor.session().crash_wait_ms = 50;
  const Outcome outcome = monitor.run(subject({"abort"}), [](wire::CrashRecord& record) {
    while (__atomic_load_n(&record.state, __ATOMIC_ACQUIRE) != wire::kCrashReleased) {
    }
  });
  EXPECT_EQ(outcome.signal(), SIGABRT);
}

TEST(Crash, WithoutAFreeRecordIsCountedAndGoesOn) {
  FakeMonitor monitor;
  for (wire::CrashRecord& record : monitor.session().crashes) record.state = wire::kCrashFilling;
  const Outcome outcome = monitor.run(subject({"null"}));
  EXPECT_EQ(outcome.signal(), SIGSEGV);
  EXPECT_EQ(monitor.session().lost_crashes, 1u);
}

// A fault of the runtime's own, in the handler: the original signal still takes its course.
TEST(Crash, OfTheRuntimeItselfDoesNotChangeTheEnd) {
  for (const int signal : {SIGABRT, SIGSEGV, SIGTERM}) {
    for (const char* const protection : {"-1", "0", "1"}) {
      FakeMonitor monitor;
      const Outcome outcome = monitor.run(subject({"without-session", protection, std::to_string(signal)}));
      EXPECT_EQ(outcome.signal(), signal) << protection;
      EXPECT_THAT(outcome.crashes, SizeIs(0));
    }
  }
}

TEST(Crash, OfTheRuntimeItselfWhileItServesIsRecordedAsSuch) {
  FakeMonitor monitor;
  const Outcome outcome = monitor.run(subject({"without-thread-table"}), [](wire::CrashRecord& record) {
    FakeMonitor::request(record, wire::kRequestThreadContexts);  // returns when the process is gone
  });
  EXPECT_EQ(outcome.signal(), SIGABRT);
  ASSERT_THAT(outcome.crashes, SizeIs(1));
  EXPECT_TRUE(outcome.crashes[0].in_runtime);
  EXPECT_EQ(outcome.crashes[0].signal, SIGABRT);
}

TEST(Crash, WithFewDescriptorsIsHandedOverAllTheSame) {
  Program program = subject({"null"});
  program.in_child = [] {
    const rlimit few{16, 16};
    setrlimit(RLIMIT_NOFILE, &few);
  };
  FakeMonitor monitor;
  EXPECT_THAT(monitor.run(program).crashes, SizeIs(1));
}

}  // namespace
}  // namespace segwhy::runtime::testing
