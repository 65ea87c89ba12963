// The CPU, files and limits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <string>

#include "diagnose/testing/case_builder.h"

namespace segwhy {
namespace {

using namespace testing_support;  // NOLINT(google-build-using-namespace): a test's vocabulary
using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t kMiB = 1U << 20U;

TEST(DivideByZero, DecodedDivisorIsCertain) {
  CaseBuilder b;
  b.signal(SIGFPE).crashed({native("PoolByOp::Compute")});
  b.instruction_on_register("idiv rcx", "div", "rcx", 0).op("PoolBy", {tensor("input 1", "int32", {}, "0")});
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "divide-by-zero");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.advice.front(), HasSubstr("input 1 holds 0"));
  EXPECT_THAT(v.evidence.front(), HasSubstr("`idiv rcx` divides by rcx"));
}

TEST(DivideByZero, AttributesThatHoldZero) {
  const auto advice = [](std::map<std::string, std::string> attributes, const char* input = "1") {
    CaseBuilder b;
    b.signal(SIGFPE).crashed({native("PoolByOp::Compute")}).instruction_on_register("idiv rcx", "div", "rcx", 0);
    b.op("PoolBy", {tensor("input 1", "int32", {}, input)});
    b.raw().framework->attributes = std::move(attributes);
    return all_text(b.verdict());
  };
  EXPECT_THAT(advice({{"strides", "[1, 0, 2, 1]"}}), HasSubstr("attribute strides holds 0 ([1, 0, 2, 1])"));
  EXPECT_THAT(advice({{"num_groups", "0"}}), HasSubstr("attribute num_groups is 0"));
  EXPECT_THAT(advice({{"strides", "[1, 10, 2, 1]"}, {"exclusive", "false"}, {"alpha", "0.0"}, {"padding", "VALID"}}),
              Not(HasSubstr("attribute")));
  EXPECT_THAT(advice({{"seed", "0"}, {"seed2", "0"}}), Not(HasSubstr("attribute")));
  EXPECT_THAT(advice({{"axis", "0"}}, "0"), Not(HasSubstr("attribute"))) << "an input that is 0 is nearer";
}

TEST(DivideByZero, OnlyTheOperandsBytesCount) {
  CaseBuilder b;
  b.signal(SIGFPE).crashed({native("f")}).instruction_on_register("idiv ecx", "div", "ecx", 0xFFFFFFFF00000000);
  b.raw().fault->instruction->operands.front().width = 4;
  EXPECT_THAT(b.verdict().summary, HasSubstr("by zero"));
}

TEST(DivideByZero, OverflowIsSaidAsSuchAndUndecodedIsLikely) {
  CaseBuilder overflow;
  overflow.signal(SIGFPE).crashed({native("f")}).instruction_on_register("idiv rcx", "div", "rcx", UINT64_MAX);
  EXPECT_THAT(overflow.verdict().summary, HasSubstr("-1"));
  EXPECT_THAT(all_text(overflow.verdict()), Not(HasSubstr("by zero")));
  EXPECT_THAT(all_text(overflow.verdict()), Not(HasSubstr("no zero")));
  CaseBuilder bare;
  bare.signal(SIGFPE).crashed({native("f")});
  EXPECT_EQ(bare.verdict().confidence, Confidence::kLikely);
}

TEST(Trap, FloatingPointTrapIsNoIntegerDivision) {
  CaseBuilder b;
  b.signal(SIGFPE, 3).crashed({native("f")});
  EXPECT_EQ(b.verdict().verdict_class, "trap");
  EXPECT_THAT(all_text(b.verdict()), HasSubstr("feenableexcept"));
}

TEST(Trap, DecodedUd2InGeneratedCode) {
  CaseBuilder b;
  b.signal(SIGILL, 2).crashed({native("", "", 0x7ffff79f8004)}).instruction_on_register("ud2", "trap", "", 0);
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "trap");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
}

CaseBuilder sigill(std::optional<bool> supported) {
  CaseBuilder b;
  b.signal(SIGILL, 2)
      .crashed({native("dgemm_kernel", "/env/libblas.so")})
      .instruction_on_register("vfmaddpd xmm4", "other", "", 0);
  b.raw().fault->instruction->cpu_supports = supported;
  b.raw().fault->instruction->missing_feature = supported == false ? "FMA4" : "";
  return b;
}

TEST(IllegalInstruction, MissingFeatureAndTheVariableThatChoseIt) {
  auto b = sigill(false);
  b.raw().program.environment["OPENBLAS_CORETYPE"] = "Bulldozer";
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "illegal-instruction");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.summary, HasSubstr("FMA4"));
  EXPECT_THAT(v.advice.front(), HasSubstr("Unset OPENBLAS_CORETYPE"));
}

TEST(IllegalInstruction, ASupportedOneMeansExecutionStrayed) {
  EXPECT_EQ(sigill(true).verdict().verdict_class, "bad-jump");
  EXPECT_EQ(sigill(std::nullopt).verdict().verdict_class, "illegal-instruction");
  EXPECT_EQ(sigill(std::nullopt).verdict().confidence, Confidence::kLikely);
}

TEST(IllegalInstruction, LibraryThatRefusesToStart) {
  CaseBuilder b;
  b.abort()
      .crashed({libc("abort")})
      .said(
          "F tensorflow/core/platform/cpu_feature_guard.cc:37] The TensorFlow library was compiled to use AVX "
          "instructions, but these aren't available on your machine.\n");
  EXPECT_EQ(b.verdict().verdict_class, "illegal-instruction");
  EXPECT_TRUE(has_factor(b.verdict(), "check-failed"));
}

CaseBuilder bus(const std::string& path, const std::string& filesystem, std::optional<std::uint64_t> size) {
  CaseBuilder b;
  b.signal(SIGBUS, 2).crashed({libc("memcpy"), native("f")}).fault(0x7ffff7e0be22, "read");
  MappingInfo info = mapping(0x7ffff7e07000, 0x7ffff7e0f000, "rw-s", path);
  info.filesystem = filesystem;
  info.file_size = size;
  b.inside(info).instruction("mov rcx, [rsi+rdx-8]", "move", {.base = "rsi", .base_value = 0x7ffff7e0be22});
  return b;
}

TEST(TruncatedMapping, FileThatEndsBeforeTheAccess) {
  const Verdict v = bus("/home/u/log.txt", "ext4", 0).verdict();
  EXPECT_EQ(v.verdict_class, "truncated-mapping");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.summary, HasSubstr("log.txt"));
}

TEST(TruncatedMapping, StrayReadInALibraryIsOnlyLikely) {
  const Verdict v = bus("/env/lib/libx.so", "ext4", 0).verdict();
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_TRUE(has_alternative(v, "wild-pointer"));
}

TEST(TruncatedMapping, LongEnoughFileIsNot) {
  EXPECT_EQ(bus("/home/u/log.txt", "ext4", 1 << 20).verdict().verdict_class, "unknown");
}

TEST(SharedMemory, FullTmpfsIsCertainAndTruncatedShmIsNot) {
  auto full = bus("/dev/shm/psm_1", "tmpfs", 64 * kMiB);
  full.raw().machine.shm_total = 8 * kMiB;
  full.raw().machine.shm_free = 0;
  const Verdict v = full.verdict();
  EXPECT_EQ(v.verdict_class, "shared-memory-exhausted");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(all_text(v), HasSubstr("--shm-size"));
  EXPECT_EQ(bus("/dev/shm/psm_1", "tmpfs", 4096).verdict().verdict_class, "truncated-mapping");
}

TEST(SharedMemory, AnotherTmpfsIsJudgedByItsOwnRoom) {
  auto full = bus("/mnt/scratch/x", "tmpfs", 64 * kMiB);
  full.raw().machine.shm_free = 64 * kMiB;
  full.raw().fault->inside->filesystem_free = 0;
  const Verdict v = full.verdict();
  EXPECT_EQ(v.verdict_class, "shared-memory-exhausted");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(all_text(v), Not(HasSubstr("--shm-size")));
}

CaseBuilder sigkill() {
  CaseBuilder b;
  b.raw().death.kind = "signal";
  b.raw().death.signal = SIGKILL;
  b.raw().machine.memory_total = 8192 * kMiB;
  b.raw().machine.oom_kills_before = b.raw().machine.oom_kills_after = 3;
  return b;
}

TEST(OutOfMemory, CounterThatMovedForALargeProcess) {
  auto b = sigkill();
  Cgroup& cgroup = b.raw().machine.cgroup.emplace();
  cgroup.memory_limit = 512 * kMiB;
  cgroup.oom_kills_before = 0;
  cgroup.oom_kills_after = 1;
  for (int i = 0; i < 12; ++i) {
    MemorySample& sample = b.raw().machine.samples.emplace_back();
    sample.at_s = 1.0 * i;
    sample.rss = static_cast<std::uint64_t>(40 * (i + 1)) * kMiB;
  }
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "out-of-memory");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_TRUE(has_factor(v, "memory-growth"));
  EXPECT_THAT(v.advice.front(), HasSubstr("512.0 MiB"));
}

TEST(OutOfMemory, MachineCounterThatMovedForSomebodyElse) {
  auto b = sigkill();
  b.raw().machine.oom_kills_after = 4;
  b.raw().machine.peak_rss = 20 * kMiB;
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "killed");
  EXPECT_TRUE(has_alternative(v, "out-of-memory"));
  b.raw().machine.oom_kills_window_s = 60;
  EXPECT_EQ(b.verdict().verdict_class, "killed");
}

TEST(OutOfMemory, MachineCounterThatMovedAtThatMoment) {
  auto b = sigkill();
  b.raw().machine.oom_kills_after = 4;
  b.raw().machine.oom_kills_window_s = 1.5;
  b.raw().machine.peak_rss = 20 * kMiB;  // in a container whose limit is not seen
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "out-of-memory");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_TRUE(has_alternative(v, "killed"));
}

TEST(OutOfMemory, PlainSigkillIsKilled) {
  const Verdict v = sigkill().verdict();
  EXPECT_EQ(v.verdict_class, "killed");
  EXPECT_THAT(all_text(v), HasSubstr("did not move"));
}

constexpr char kOom[] =
    "Traceback (most recent call last):\n  File \"main.py\", line 3, in <module>\n    scores = tf.zeros([users, "
    "items])\n"
    "  File \"/env/lib/python3.8/site-packages/tensorflow/python/util/traceback_utils.py\", line 153, in "
    "error_handler\n"
    "    raise e\n"
    "tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating tensor with "
    "shape[2000000,3000000] and "
    "type float on /job:localhost/replica:0/task:0/device:CPU:0 by allocator cpu [Op:Fill]\n";

TEST(AllocationFailed, TensorThatNoMachineHolds) {
  CaseBuilder b;
  b.exit(1).said(kOom);
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "allocation-failed");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.summary, HasSubstr("[2000000,3000000]"));
  EXPECT_EQ(v.where->line, 3);
  EXPECT_TRUE(has_factor(v, "python-exception"));
}

TEST(AllocationFailed, BadAllocThatEscaped) {
  CaseBuilder b;
  b.abort()
      .crashed({libc("abort"), native("grow")})
      .said("terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n");
  b.raw().machine.limits["as"] = {kMiB * 500, std::nullopt};
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "allocation-failed");
  EXPECT_TRUE(has_factor(v, "uncaught-exception"));
  EXPECT_THAT(all_text(v), HasSubstr("500.0 MiB"));
}

TEST(AllocationFailed, BadAllocWhoseTranslationCrashed) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({interpreter("PyErr_SetString"), native("cpp_function::dispatcher")}).fault(0x58, "read");
  b.instruction("mov rax, [rdi+0x58]", "move", {.base = "rdi", .base_value = 0, .displacement = 0x58});
  b.raw().threads.front().holds_gil = false;
  b.raw().messages.exception = CxxException{"std::bad_alloc", "std::bad_alloc", "memory", {}};
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "null-pointer");
  EXPECT_TRUE(has_alternative(v, "allocation-failed"));
}

TEST(AllocationFailed, SurvivedMemoryErrorInTheLog) {
  CaseBuilder b;
  b.exit(0).said(kOom);
  EXPECT_EQ(b.verdict().verdict_class, "ok");
}

TEST(ThreadLimit, FrameworksCheckOnPthreadCreate) {
  CaseBuilder b;
  b.abort()
      .crashed({libc("abort"), native("StartThread")})
      .said(
          "F tensorflow/core/platform/default/env.cc:73] Check failed: ret == 0 (11 vs. 0)Thread tf_Compute creation "
          "via pthread_create() failed.\n");
  b.raw().machine.cgroup.emplace().pids_limit = 3;
  b.raw().thread_create_failure = ThreadCreateFailure{EAGAIN, 2};
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "thread-limit");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_TRUE(has_factor(v, "check-failed"));
  EXPECT_THAT(all_text(v), HasSubstr("pids.max is 3"));
}

TEST(ThreadLimit, PythonsOwnError) {
  CaseBuilder b;
  b.exit(1).said(
      "Traceback (most recent call last):\n  File \"main.py\", line 6, in <module>\n    t.start()\nRuntimeError: can't "
      "start new thread\n");
  EXPECT_EQ(b.verdict().verdict_class, "thread-limit");
  EXPECT_EQ(b.verdict().where->line, 6);
}

TEST(ThreadLimit, AFailureTheProgramSurvivedIsOnlyALead) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({native("f")}).fault(0, "read").instruction("mov", "move", {.base = "rax"});
  b.raw().thread_create_failure = ThreadCreateFailure{EAGAIN, 2};
  EXPECT_EQ(b.verdict().verdict_class, "null-pointer");
}

TEST(DivideByZero, OverflowNamesTheInputsThatMakeIt) {
  CaseBuilder b;
  b.signal(SIGFPE).crashed({native("f")}).instruction_on_register("idiv ebx", "div", "ebx", 0xFFFFFFFF);
  b.raw().fault->instruction->operands.front().width = 4;
  b.op("FloorDiv", {tensor("input 0", "int32", {1}, "[-2147483648]"), tensor("input 1", "int32", {2}, "[0, -1]")});
  const Verdict v = b.verdict();
  EXPECT_THAT(v.advice.front(), HasSubstr("input 0 holds the smallest int32"));
  EXPECT_THAT(v.advice.front(), HasSubstr("input 1 holds -1"));
  EXPECT_THAT(all_text(v), Not(HasSubstr("holds 0")));
}

TEST(DivideByZero, AZeroInALargeArrayIsNoSuspect) {
  CaseBuilder b;
  b.signal(SIGFPE).crashed({native("f")}).instruction_on_register("idiv rcx", "div", "rcx", 0);
  b.op("X", {tensor("input 0", "int32", {900}, "[0, 1, 2, ...]")});
  EXPECT_THAT(all_text(b.verdict()), Not(HasSubstr("holds 0")));
}

std::string traceback(const std::string& innermost, const std::string& exception) {
  return "Traceback (most recent call last):\n  File \"main.py\", line 6, in <module>\n    " + innermost + "\n" +
         exception + "\n";
}

TEST(ThreadLimit, WordsThatTheProgramRaisedItself) {
  CaseBuilder b;
  b.exit(1).said(traceback("raise RuntimeError(\"can't start new thread\")", "RuntimeError: can't start new thread"));
  EXPECT_EQ(b.verdict().verdict_class, "python-exception");
}

TEST(ThreadLimit, CaughtAndPrintedBeforeAnExitOfTheProgramsOwn) {
  CaseBuilder b;
  b.exit(3).said(traceback("t.start()", "RuntimeError: can't start new thread"));
  EXPECT_NE(b.verdict().verdict_class, "thread-limit");
  EXPECT_NE(b.verdict().confidence, Confidence::kCertain);
  CaseBuilder went_on;
  went_on.exit(1).said(traceback("t.start()", "RuntimeError: can't start new thread") + "going on with one\n");
  EXPECT_NE(went_on.verdict().verdict_class, "thread-limit");
  EXPECT_NE(went_on.verdict().confidence, Confidence::kCertain);
}

TEST(AllocationFailed, QuotaOfTheProgramsOwn) {
  CaseBuilder b;
  b.exit(1).said(traceback("raise MemoryError(\"cache of 3 entries\")", "MemoryError: cache of 3 entries"));
  EXPECT_EQ(b.verdict().verdict_class, "python-exception");
  CaseBuilder one_line;
  one_line.exit(1).said(traceback("if n > 3: raise MemoryError(\"quota\")", "MemoryError: quota"));
  EXPECT_EQ(one_line.verdict().verdict_class, "python-exception");
}

TEST(AllocationFailed, InterpretersShutdownNoiseBehindTheTraceback) {
  CaseBuilder b;
  b.exit(1).said(traceback("x = bytearray(1 << 60)", "MemoryError") +
                 "sys:1: ResourceWarning: unclosed file <_io.TextIOWrapper>\n");
  EXPECT_EQ(b.verdict().verdict_class, "allocation-failed");
  EXPECT_EQ(b.verdict().confidence, Confidence::kCertain);
}

}  // namespace
}  // namespace segwhy
