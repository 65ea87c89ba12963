// capture_crash and capture_live against real processes, by both backends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <random>

#include "capture/capture.h"
#include "capture/environment.h"
#include "capture/fake_handler.h"
#include "capture/test_process.h"

namespace segwhy {
namespace {

using testing_support::ChildProcess;
using testing_support::FakeHandlerOptions;
using testing_support::install_fake_handler;
using testing_support::Shared;
using testing_support::use_alternate_stack;
using testing_support::wait_until;

constexpr std::uint64_t kBadAddress = 0x123450;
constexpr std::uint64_t kMagic = 0x5e6711e4a11ce5;
constexpr std::uint64_t kValues[] = {11, 22, 33};

struct TargetState {
  std::atomic<int> ready;
  std::atomic<int> crashing_tid, helper_tid;
  std::uint64_t fault_pc;
};

// Faults with known registers at a known pc.
[[gnu::noinline]] void fault_with_magic(TargetState& state) {
  asm volatile(
      "lea 1f(%%rip), %%rax\n"
      "mov %%rax, %0\n"
      "mov %1, %%r12\n"
      "mov %2, %%r13\n"
      "1: movl $1, (%%r13)\n"
      : "=m"(state.fault_pc)
      : "r"(kMagic), "r"(kBadAddress)
      : "rax", "r12", "r13", "memory");
}

// A process with `helpers` blocked threads whose last one (or, without any, whose main thread) faults in our handler.
int run_target(wire::Session& session, TargetState& state, int helpers, const FakeHandlerOptions& options) {
  install_fake_handler(session, options);
  std::vector<std::thread> threads;
  for (int i = 0; i < helpers; ++i) {
    threads.emplace_back([&] {
      ::prctl(PR_SET_NAME, "helper");
      state.helper_tid = ::gettid();
      ++state.ready;
      for (;;) ::pause();
    });
  }
  wait_until([&] { return state.ready == helpers; });
  std::thread([&] {
    use_alternate_stack();
    ::prctl(PR_SET_NAME, "faulty one");
    state.crashing_tid = ::gettid();
    fault_with_magic(state);
  }).join();
  return 0;
}

class CrashedTarget {
 public:
  explicit CrashedTarget(int helpers = 3, const FakeHandlerOptions& options = {})
      : process_([this, helpers, &options] { return run_target(*session_, *state_, helpers, options); }) {
    take(0);
  }

  void take(std::uint32_t index) {
    wire::CrashRecord& record = session_->crashes[index];
    wait_until([&] { return __atomic_load_n(&record.state, __ATOMIC_ACQUIRE) == wire::kCrashReady; });
    __atomic_store_n(&record.state, wire::kCrashTaken, __ATOMIC_RELEASE);
  }
  // Lets the handler go on and returns how the process ended.
  int finish() {
    wire::CrashRecord& record = session_->crashes[0];
    __atomic_store_n(&record.request, wire::kRequestRelease, __ATOMIC_RELEASE);
    ::syscall(SYS_futex, &record.request, 1 /* FUTEX_WAKE */, 1, nullptr, nullptr, 0);
    return process_.wait();
  }

  [[nodiscard]] wire::Session& session() { return *session_; }
  [[nodiscard]] TargetState& state() { return *state_; }
  [[nodiscard]] ChildProcess& process() { return process_; }

 private:
  Shared<wire::Session> session_;
  Shared<TargetState> state_;
  ChildProcess process_;
};

// What every backend must deliver. `with_memory_map`: the mappings could be read.
void check_crash(const Capture& capture, CrashedTarget& target, std::size_t threads) {
  const Snapshot& s = capture.snapshot();
  EXPECT_EQ(s.pid, target.process().pid());
  ASSERT_EQ(s.threads.size(), threads);
  const ThreadSnapshot& crashed = s.threads.front();
  EXPECT_TRUE(crashed.crashed);
  EXPECT_EQ(crashed.tid, target.state().crashing_tid);
  EXPECT_EQ(crashed.name, "faulty one");
  EXPECT_EQ(crashed.registers.dwarf[Registers::kR12], kMagic);
  EXPECT_EQ(crashed.registers.pc().value(), target.state().fault_pc) << "at the fault, not in the handler";
  EXPECT_EQ(s.threads[1].tid, s.pid) << "the main thread second";
  for (std::size_t i = 1; i < s.threads.size(); ++i) EXPECT_FALSE(s.threads[i].crashed);
  ASSERT_TRUE(s.signal);
  EXPECT_EQ(s.signal->number, SIGSEGV);
  EXPECT_EQ(s.signal->code, SEGV_MAPERR);
  EXPECT_EQ(s.signal->address.value(), kBadAddress);
  EXPECT_EQ(s.signal->page_fault_error, 6U) << "user, write, page not present";
  for (const ThreadSnapshot& t : s.threads) {
    EXPECT_TRUE(t.registers_known) << t.tid;
    EXPECT_LT(t.stack_start, t.registers.sp()) << t.tid;
    EXPECT_GT(t.stack_end, t.registers.sp()) << t.tid;
    const Mapping* code = s.mapping_of(t.registers.pc());
    EXPECT_TRUE(code != nullptr && code->executable) << t.tid;
  }
  EXPECT_EQ(s.executable, read_link("/proc/self/exe"));
  EXPECT_EQ(s.root, "");
  EXPECT_FALSE(s.auxv.empty());
  const auto values =
      s.memory->value<std::array<std::uint64_t, 3>>(TargetAddr(reinterpret_cast<std::uintptr_t>(kValues)));
  ASSERT_TRUE(values);
  EXPECT_EQ((*values)[2], 33U);
  EXPECT_FALSE(s.memory->value<int>(TargetAddr(kBadAddress)));
}

TEST(CaptureCrash, ByPtrace) {
  CrashedTarget target;
  auto capture = capture_crash(target.session(), 0);
  ASSERT_TRUE(capture) << capture.error().what;
  EXPECT_STREQ((*capture)->backend(), "ptrace");
  EXPECT_THAT((*capture)->notes(), testing::IsEmpty());
  check_crash(**capture, target, 5);
  (*capture)->release();
  (*capture)->release();
  EXPECT_EQ(WEXITSTATUS(target.finish()), 100 + SIGSEGV);
}

// Runs `body` where the kernel refuses what a strict container refuses; false when it could not be set up. pread64
// stands for opening /proc/PID/mem, which a filter cannot tell from other files.
int run_without_ptrace(const std::function<bool()>& body) {
  return ChildProcess([&] {
           constexpr auto kNumber = static_cast<std::uint32_t>(offsetof(seccomp_data, nr));
           sock_filter code[] = {
               BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumber),
               BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 2, 0),
               BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 1, 0),
               BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pread64, 0, 1),
               BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
               BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
           };
           const sock_fprog program{std::size(code), code};
           ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
           if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 2;
           return body() ? 0 : 1;
         })
      .wait();
}

TEST(CaptureCrash, ByTheHandlerWhereTheKernelRefuses) {
  CrashedTarget target;
  const int status = run_without_ptrace([&] {
    const auto capture = capture_crash(target.session(), 0);
    EXPECT_TRUE(capture) << capture.error().what;
    if (!capture) return false;
    EXPECT_STREQ((*capture)->backend(), "handler");
    EXPECT_THAT((*capture)->notes(),
                testing::ElementsAre(testing::AllOf(testing::HasSubstr("not stopped"), testing::HasSubstr("refused"))));
    check_crash(**capture, target, 5);
    return !testing::Test::HasFailure();
  });
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(WEXITSTATUS(target.finish()), 100 + SIGSEGV);
}

TEST(CaptureCrash, LargeReadsThroughTheHandlerAreWholeOrShort) {
  CrashedTarget target(0);
  const int status = run_without_ptrace([&] {
    const auto capture = capture_crash(target.session(), 0);
    if (!capture) return false;
    const Snapshot& s = (*capture)->snapshot();
    for (const Mapping& m : s.mappings) {
      if (!m.readable || m.path.empty() || m.path.front() != '/' || m.writable) continue;
      // More than one hand-over's worth where the mapping allows, compared with our own copy of the same program.
      std::vector<std::byte> bytes(std::min<std::size_t>(m.end - m.start, 300'000));
      EXPECT_EQ(s.memory->read(m.start, bytes), bytes.size()) << m.path;
    }
    std::vector<std::byte> beyond(100'000);
    const Mapping& last = s.mappings.back();
    EXPECT_LE(s.memory->read(last.end - 4096, beyond), 4096U);
    return !testing::Test::HasFailure();
  });
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(CaptureCrash, AHandlerThatNeverAnswersIsGivenUpOnce) {
  FakeHandlerOptions options;
  options.serves = false;
  CrashedTarget target(1, options);
  const int status = run_without_ptrace([&] {
    const auto capture = capture_crash(target.session(), 0);
    if (!capture) return false;
    const Snapshot& s = (*capture)->snapshot();
    EXPECT_TRUE(s.threads.front().crashed);
    EXPECT_EQ(s.threads.front().registers.pc().value(), target.state().fault_pc);
    EXPECT_FALSE(s.threads[1].registers_known);
    EXPECT_FALSE(s.memory->value<int>(s.threads.front().registers.sp()));
    EXPECT_THAT((*capture)->notes(), testing::Contains(testing::HasSubstr("did not answer")));
    return !testing::Test::HasFailure();
  });
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(CaptureCrash, ATargetKilledWhileItServesIsAnErrorNotAHang) {
  FakeHandlerOptions options;
  options.dies_when_asked = true;
  CrashedTarget target(1, options);
  const int status = run_without_ptrace([&] {
    const auto capture = capture_crash(target.session(), 0);
    return !capture && capture.error().what.find("ended during its capture") != std::string::npos;
  });
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(WTERMSIG(target.process().wait()), SIGKILL);
}

TEST(CaptureCrash, OnlyPtraceRefused) {
  // A debugger already holds the process: its memory can be read all the same.
  CrashedTarget target;
  const Shared<std::atomic<int>> traced;
  const ChildProcess debugger([&] {
    for (const int tid : list_tasks(target.process().pid())) ::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr);
    *traced = 1;
    // A tracer that lets signals through.
    for (int status = 0, tid = 0; (tid = ::waitpid(-1, &status, __WALL)) > 0;) {
      if (WIFSTOPPED(status)) ::ptrace(PTRACE_CONT, tid, nullptr, static_cast<std::intptr_t>(WSTOPSIG(status)));
    }
    return 0;
  });
  wait_until([&] { return *traced == 1; });
  const auto capture = capture_crash(target.session(), 0);
  ASSERT_TRUE(capture) << capture.error().what;
  EXPECT_STREQ((*capture)->backend(), "handler");
  check_crash(**capture, target, 5);
}

TEST(CaptureCrash, AnotherProcessIsNeverTakenForTheRecords) {
  const ChildProcess bystander([] {
    for (;;) ::pause();
    return 0;
  });
  // Made after the fork: the bystander does not have it.
  const Shared<wire::Session> session;
  session->crashes[0].state = wire::kCrashTaken;
  session->crashes[0].pid = session->crashes[0].tid = static_cast<std::uint32_t>(bystander.pid());
  session->crashes[0].signal = SIGSEGV;
  const auto capture = capture_crash(*session, 0);
  ASSERT_FALSE(capture);
  EXPECT_NE(capture.error().what.find("is gone"), std::string::npos);
}

TEST(CaptureCrash, GoneBeforeTheCapture) {
  CrashedTarget target;
  ::kill(target.process().pid(), SIGKILL);
  wait_until([&] { return target.process().state() == 'Z'; });
  EXPECT_FALSE(capture_crash(target.session(), 0)) << "a zombie";
  (void)target.process().wait();
  EXPECT_FALSE(capture_crash(target.session(), 0)) << "reaped";
}

TEST(CaptureCrash, KilledAtAnyMoment) {
  std::mt19937 random(1);
  for (int round = 0; round < 100; ++round) {
    CrashedTarget target(2);
    std::thread killer([&, delay = random() % 1500] {
      std::this_thread::sleep_for(std::chrono::microseconds(delay));
      ::kill(target.process().pid(), SIGKILL);
    });
    if (const auto capture = capture_crash(target.session(), 0)) {
      const Snapshot& s = (*capture)->snapshot();
      for (const Mapping& m : s.mappings) (void)s.memory->value<std::uint64_t>(m.start);
    }
    killer.join();
    const int status = target.process().wait();
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  }
}

TEST(CaptureCrash, DamagedRecordsAreRefused) {
  const Shared<wire::Session> session;
  EXPECT_FALSE(capture_crash(*session, wire::kMaxCrashes));
  EXPECT_FALSE(capture_crash(*session, 0)) << "free";
  session->crashes[0].state = wire::kCrashTaken;
  EXPECT_FALSE(capture_crash(*session, 0)) << "no pid";
  session->crashes[0].pid = 1U << 31;
  session->crashes[0].tid = 1;
  session->crashes[0].signal = SIGSEGV;
  EXPECT_FALSE(capture_crash(*session, 0)) << "a negative pid";
}

TEST(CaptureCrash, InAnotherPidNamespace) {
  const Shared<wire::Session> session;
  const Shared<TargetState> state;
  const Shared<std::atomic<int>> outcome;
  ChildProcess outer([&] {
    if (::unshare(CLONE_NEWPID) != 0) {
      *outcome = -1;
      return 1;
    }
    ChildProcess inner([&] { return run_target(*session, *state, 1, {}); });
    *outcome = inner.pid();
    (void)inner.wait();
    return 0;
  });
  wait_until([&] { return *outcome != 0; });
  if (*outcome == -1) GTEST_SKIP() << "a pid namespace may not be made here (needs root)";
  wire::CrashRecord& record = session->crashes[0];
  wait_until([&] { return __atomic_load_n(&record.state, __ATOMIC_ACQUIRE) == wire::kCrashReady; });
  __atomic_store_n(&record.state, wire::kCrashTaken, __ATOMIC_RELEASE);
  ASSERT_EQ(record.pid, 1U);
  {
    const auto capture = capture_crash(*session, 0);
    ASSERT_TRUE(capture) << capture.error().what;
    EXPECT_STREQ((*capture)->backend(), "ptrace");
    const Snapshot& s = (*capture)->snapshot();
    EXPECT_EQ(s.pid, 1) << "ids are the process's own";
    ASSERT_EQ(s.threads.size(), 3U);
    EXPECT_EQ(s.threads[0].tid, state->crashing_tid);
    EXPECT_EQ(s.threads[0].registers.pc().value(), state->fault_pc);
    EXPECT_EQ(s.threads[1].tid, 1);
    EXPECT_EQ(s.threads[2].tid, state->helper_tid);
    EXPECT_EQ(s.threads[2].name, "helper");
  }
  ::kill(*outcome, SIGKILL);
  (void)outer.wait();
}

TEST(CaptureCrash, AsAnOrdinaryUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root: every other test here runs as an ordinary user already";
  ChildProcess user([] {
    if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) return 2;
    ::prctl(PR_SET_DUMPABLE, 1);  // as after exec
    CrashedTarget target;
    const auto capture = capture_crash(target.session(), 0);
    if (!capture) return 3;
    check_crash(**capture, target, 5);
    return testing::Test::HasFailure() ? 1 : 0;
  });
  EXPECT_EQ(WEXITSTATUS(user.wait()), 0);
}

TEST(CaptureCrash, OfAnotherUsersProcess) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to have processes of two users";
  CrashedTarget target;
  ChildProcess user([&] {
    if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) return 2;
    const auto capture = capture_crash(target.session(), 0);
    if (!capture) return 3;
    const Snapshot& s = (*capture)->snapshot();
    EXPECT_STREQ((*capture)->backend(), "handler");
    EXPECT_TRUE(s.mappings.empty());
    EXPECT_EQ(s.threads.size(), 5U);
    EXPECT_EQ(s.threads[0].registers.pc().value(), target.state().fault_pc);
    EXPECT_TRUE(s.memory->value<int>(s.threads[0].registers.sp()));
    return testing::Test::HasFailure() ? 1 : 0;
  });
  EXPECT_EQ(WEXITSTATUS(user.wait()), 0);
}

TEST(CaptureCrash, WithoutProc) {
  CrashedTarget target;
  ChildProcess blind([&] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
    if (::mount("none", "/proc", "tmpfs", 0, nullptr) != 0) return 77;
    const auto capture = capture_crash(target.session(), 0);
    if (!capture) return 3;
    const Snapshot& s = (*capture)->snapshot();
    EXPECT_STREQ((*capture)->backend(), "handler");
    EXPECT_EQ(s.pid, target.process().pid());
    EXPECT_EQ(s.threads.size(), 5U);
    EXPECT_EQ(s.threads[0].tid, target.state().crashing_tid);
    EXPECT_EQ(s.threads[0].registers.pc().value(), target.state().fault_pc);
    EXPECT_TRUE(s.memory->value<int>(s.threads[1].registers.sp()));
    EXPECT_FALSE((*capture)->notes().empty());
    const Machine machine = read_machine(target.process().pid(), read_baseline(target.process().pid()));
    EXPECT_FALSE(machine.kernel.empty());
    EXPECT_EQ(machine.memory_total, std::nullopt);
    EXPECT_FALSE(machine.cgroup);
    EXPECT_TRUE(read_program(target.process().pid()).argv.empty());
    return testing::Test::HasFailure() ? 1 : 0;
  });
  const int status = blind.wait();
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "/proc may not be hidden here (needs root)";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(CaptureLive, OfAProcessThatDidNotCrash) {
  const Shared<std::atomic<int>> ready;
  const ChildProcess child([&] {
    std::thread other([&] {
      *ready = 1;
      for (;;) ::pause();
    });
    for (;;) ::pause();
    return 0;
  });
  wait_until([&] { return *ready == 1; });
  const auto capture = capture_live(child.pid());
  ASSERT_TRUE(capture) << capture.error().what;
  const Snapshot& s = (*capture)->snapshot();
  EXPECT_FALSE(s.signal);
  EXPECT_EQ(s.crashed_thread(), nullptr);
  ASSERT_EQ(s.threads.size(), 2U);
  EXPECT_EQ(s.threads[0].tid, child.pid());
  for (const ThreadSnapshot& t : s.threads) EXPECT_TRUE(s.memory->value<int>(t.registers.sp()));
}

TEST(CaptureLive, AThreadInVforkHasItsPcAndStackPointer) {
  const Shared<std::atomic<bool>> let_go;
  ChildProcess child([&] {
    const pid_t pid = ::vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork): it is what is tested
    if (pid == 0) {
      while (!*let_go) {
      }
      ::_exit(0);
    }
    return 42;
  });
  wait_until([&] { return child.state() == 'D'; });
  {
    const auto capture = capture_live(child.pid());
    ASSERT_TRUE(capture) << capture.error().what;
    const Snapshot& s = (*capture)->snapshot();
    ASSERT_EQ(s.threads.size(), 1U);
    ASSERT_TRUE(s.threads[0].registers_known);
    const Mapping* code = s.mapping_of(s.threads[0].registers.pc());
    ASSERT_NE(code, nullptr);
    EXPECT_NE(code->path.find("libc"), std::string::npos) << code->path;
    EXPECT_THAT((*capture)->notes(), testing::ElementsAre(testing::HasSubstr("1 thread could not be stopped")));
  }
  *let_go = true;
  EXPECT_EQ(WEXITSTATUS(child.wait()), 42);
}

}  // namespace
}  // namespace segwhy
