// The environment (libraries that do not fit together) and the life of the process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "diagnose/testing/case_builder.h"

namespace segwhy {
namespace {

using namespace testing_support;  // NOLINT(google-build-using-namespace): a test's vocabulary
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kProtobuf[] =
    "[libprotobuf FATAL google/protobuf/stubs/common.cc:87] This program was compiled against version 3.9.2 of the "
    "Protocol "
    "Buffer runtime library, which is not compatible with the installed version (3.21.12).\n"
    "terminate called after throwing an instance of 'google::protobuf::FatalException'\n  what():  ...\n";

TEST(LibraryConflict, TheLibrarysOwnWordsAndBothCopies) {
  CaseBuilder b;
  b.abort()
      .crashed({libc("abort"), native("google::protobuf::internal::VerifyVersion", "/lib/libprotobuf.so.32")})
      .said(kProtobuf);
  EXPECT_EQ(b.verdict().verdict_class, "library-conflict");
  EXPECT_EQ(b.verdict().confidence, Confidence::kLikely);
  b.module("/lib/libprotobuf.so.32", {"protobuf:3.21.12"})
      .module("/env/libtf.so", {"protobuf:3.9.2"}, "tensorflow-cpu", "2.8.0");
  const Verdict v = b.verdict();
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_TRUE(has_factor(v, "uncaught-exception"));
  EXPECT_THAT(all_text(v), HasSubstr("tensorflow-cpu 2.8.0"));
}

CaseBuilder protobuf_crash(const std::string& inner, const std::string& outer) {
  CaseBuilder b;
  b.signal(SIGSEGV)
      .crashed({native("google::protobuf::Arena::Alloc", inner), native("Proto::Parse", outer)})
      .fault(0, "read");
  b.instruction("mov", "move", {.base = "rax"});
  b.module("/lib/libprotobuf.so.32", {"protobuf:3.21.12"}).module("/env/libtf.so", {"protobuf:3.9.2"});
  return b;
}

TEST(LibraryConflict, StackThatCrossesIntoTheOthersCopy) {
  const Verdict v = protobuf_crash("/lib/libprotobuf.so.32", "/env/libtf.so").verdict();
  EXPECT_EQ(v.verdict_class, "library-conflict");
  EXPECT_TRUE(has_factor(v, "null-pointer"));
}

TEST(LibraryConflict, TwoCopiesThatDoNotMeetAreNoEvidence) {
  EXPECT_EQ(protobuf_crash("/env/libtf.so", "/env/libtf.so").verdict().verdict_class, "null-pointer");
  EXPECT_EQ(protobuf_crash("/lib/libprotobuf.so.32", "/env/libuser.so").verdict().verdict_class, "null-pointer")
      << "the caller has no copy of its own";
}

TEST(OpenMp, Error15AndACrashInOneOfTwo) {
  CaseBuilder said;
  said.abort()
      .crashed({libc("abort")})
      .said("OMP: Error #15: Initializing libiomp5.so, but found libomp.so already initialized.\n");
  EXPECT_EQ(said.verdict().verdict_class, "openmp-duplicate");
  EXPECT_EQ(said.verdict().confidence, Confidence::kCertain);

  CaseBuilder inside;
  inside.signal(SIGSEGV).crashed({native("__kmp_suspend", "/env/libiomp5.so")}).fault(0x7f1111111000, "read");
  inside.instruction("mov", "move", {.base = "rax", .base_value = 0x7f1111111000});
  inside.module("/env/libiomp5.so", {"openmp:iomp5"});
  EXPECT_EQ(inside.verdict().verdict_class, "wild-pointer");
  inside.module("/lib/libgomp.so.1", {"openmp:gomp"});
  EXPECT_EQ(inside.verdict().verdict_class, "openmp-duplicate");
  inside.raw().threads.front().native.front().module = "/env/other.so";
  EXPECT_EQ(inside.verdict().verdict_class, "wild-pointer") << "loaded twice but not involved";
}

TEST(AbiMismatch, MessagesOfNumpyAndTheLoader) {
  CaseBuilder b;
  b.exit(1).said(
      "Traceback (most recent call last):\n  File \"main.py\", line 2, in <module>\n    import ext\nValueError: "
      "numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88 from "
      "PyObject\n");
  EXPECT_EQ(b.verdict().verdict_class, "abi-mismatch");
  EXPECT_EQ(b.verdict().confidence, Confidence::kCertain);
  CaseBuilder symbol;
  symbol.exit(1).said(
      "Traceback (most recent call last):\n  File \"main.py\", line 2, in <module>\n    "
      "load()\ntensorflow.python.framework.errors_impl.NotFoundError: ./op.so: undefined symbol: "
      "_ZN10tensorflow8OpKernelE\n");
  EXPECT_EQ(symbol.verdict().verdict_class, "abi-mismatch");
  EXPECT_EQ(symbol.verdict().confidence, Confidence::kLikely);
}

TEST(AbiMismatch, AFileOfAnotherArchitectureHasNoVersions) {
  CaseBuilder b;
  b.exit(1).said(
      "Traceback (most recent call last):\n  File \"/home/u/main.py\", line 4, in <module>\n    import fastops\n"
      "ImportError: /home/u/fastops.so: wrong ELF class: ELFCLASS32\n");
  const Verdict v = b.verdict();
  ASSERT_EQ(v.verdict_class, "abi-mismatch");
  EXPECT_THAT(v.summary, HasSubstr("built for another architecture, or its file is damaged"));
  EXPECT_THAT(v.advice.front(), HasSubstr("this machine's architecture"));
}

TEST(AbiMismatch, AFunctionLookedUpWithCtypesIsTheProgramsOwnMistake) {
  CaseBuilder b;
  b.exit(1).said(
      "Traceback (most recent call last):\n  File \"main.py\", line 4, in <module>\n    f = libc.atexit\n"
      "AttributeError: /usr/bin/python3: undefined symbol: atexit\n");
  EXPECT_EQ(b.verdict().verdict_class, "python-exception");
}

CaseBuilder numpy1_extension(const std::string& crashed_in) {
  CaseBuilder b;
  b.signal(SIGFPE).crashed({native("rows", crashed_in)}).instruction_on_register("idiv rcx", "div", "rcx", 0);
  b.module("/home/u/rowsum.so", {"pybind11:v4", "numpy-c-api:1"});
  b.raw().program.packages["numpy"] = "2.1.3";
  return b;
}

TEST(AbiMismatch, Numpy1ExtensionOnTheCrashingStackUnderNumpy2) {
  const Verdict v = numpy1_extension("/home/u/rowsum.so").verdict();
  EXPECT_EQ(v.verdict_class, "abi-mismatch");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_TRUE(has_factor(v, "divide-by-zero"));
  EXPECT_THAT(v.summary, HasSubstr("NumPy 2.1.3"));
}

TEST(AbiMismatch, AWarningAtImportDoesNotExplainALaterCrash) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({native("take", "/env/libarrow.so")}).fault(0x7f1111111000, "read");
  b.instruction("mov", "move", {.base = "rax", .base_value = 0x7f1111111000});
  b.said("\nA module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.1.3 as it may crash.\n");
  EXPECT_EQ(b.verdict().verdict_class, "wild-pointer");
  EXPECT_TRUE(has_alternative(b.verdict(), "abi-mismatch"));
}

TEST(AbiMismatch, NotWhenItIsElsewhereOrFits) {
  EXPECT_EQ(numpy1_extension("/env/other.so").verdict().verdict_class, "divide-by-zero");
  auto fits = numpy1_extension("/home/u/rowsum.so");
  fits.raw().program.packages["numpy"] = "1.26.4";
  EXPECT_EQ(fits.verdict().verdict_class, "divide-by-zero");
}

TEST(AllocatorMismatch, NeedsASecondAllocator) {
  CaseBuilder b;
  b.abort().abort_text("free(): invalid pointer\n").crashed({libc("abort"), libc("free"), native("ffi_call")});
  EXPECT_EQ(b.verdict().verdict_class, "invalid-free");
  b.module("/usr/lib/libtcmalloc_minimal.so.4", {"malloc"});
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "allocator-mismatch");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_THAT(v.summary, HasSubstr("libtcmalloc_minimal.so.4"));
  CaseBuilder overrun;
  overrun.abort()
      .abort_text("corrupted size vs. prev_size\n")
      .crashed({libc("abort")})
      .module("/usr/lib/libtcmalloc.so.4", {"malloc"});
  EXPECT_EQ(overrun.verdict().verdict_class, "heap-corruption");
}

CaseBuilder forked(std::vector<NativeFrame> stack, std::uint32_t parent_threads) {
  CaseBuilder b;
  b.raw().program.fork = {"fork", 100, parent_threads, true, {}};
  b.crashed(std::move(stack));
  return b;
}

TEST(ForkAfterThreads, HungChildThatWaitsForAPool) {
  auto b = forked({libc("syscall_cancel_futex_wait"), native("rayon_core::latch::wait", "/env/polars.so")}, 7);
  b.raw().threads.front().crashed = false;
  b.signal(SIGTERM, 0).sender(100, "python");
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "fork-after-threads");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_THAT(v.summary, HasSubstr("7 more threads"));
}

TEST(ForkAfterThreads, CrashInPoolCodeButNotElsewhere) {
  const auto crash = [](const char* function, std::uint32_t threads) {
    auto b = forked({native(function)}, threads);
    b.signal(SIGSEGV).fault(0, "read").instruction("mov", "move", {.base = "rax"});
    return b.verdict().verdict_class;
  };
  EXPECT_EQ(crash("Eigen::ThreadPoolTempl::Schedule", 3), "fork-after-threads");
  EXPECT_EQ(crash("parse_header", 3), "null-pointer");
  EXPECT_EQ(crash("Eigen::ThreadPoolTempl::Schedule", 0), "null-pointer") << "the parent had no other threads";
}

TEST(ExitTeardown, JoinableThreadInAStaticDestructorIsCertain) {
  CaseBuilder b;
  b.abort().crashed({libc("abort"), native("std::terminate()", "/lib/libstdc++.so.6"), native("std::thread::~thread()"),
                     libc("__run_exit_handlers"), libc("exit")},
                    false);
  b.said("terminate called without an active exception\n");
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "exit-teardown");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_TRUE(has_factor(v, "uncaught-exception"));
}

TEST(ExitTeardown, DaemonThreadWhileTheMainThreadFinalises) {
  CaseBuilder b;
  b.signal(SIGSEGV).fault(0, "read").instruction("mov", "move", {.base = "rax"});
  b.crashed({interpreter("finalize_modules"), interpreter("Py_FinalizeEx")}, false);
  b.raw().threads.front().crashed = false;
  b.other_thread({native("Worker::Loop")});
  b.raw().threads.back().crashed = true;
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "exit-teardown");
  EXPECT_TRUE(has_factor(v, "null-pointer"));
  EXPECT_THAT(v.summary, HasSubstr("still running"));
}

TEST(ExitTeardown, DamagedHeapIsOlderThanTheShutdownThatMeetsIt) {
  const auto aborted_with = [](const char* text) {
    CaseBuilder b;
    b.abort().abort_text(text).crashed({libc("raise"), libc("abort"), libc("__libc_message"), libc("malloc_printerr"),
                                        libc("_int_free"), interpreter("dict_dealloc"), interpreter("Py_FinalizeEx")},
                                       false);
    return b.verdict();
  };
  const Verdict damaged = aborted_with("corrupted size vs. prev_size\n");
  EXPECT_EQ(damaged.verdict_class, "heap-corruption");
  EXPECT_TRUE(has_alternative(damaged, "exit-teardown"));
  EXPECT_EQ(aborted_with("double free or corruption (!prev)\n").verdict_class, "exit-teardown");
}

TEST(ExitTeardown, APointerFullOfTextWasOverwrittenBefore) {
  constexpr Address kText = 0x4141414141414141;
  for (const Address base : {kText, Address{0x7f0011223344}}) {
    CaseBuilder b;
    b.signal(SIGSEGV).fault(base, "read").instruction("mov", "move", {.base = "rax", .base_value = base});
    b.crashed({native("traverse"), libc("__run_exit_handlers"), libc("exit")}, false);
    const Verdict v = b.verdict();
    EXPECT_EQ(v.verdict_class, base == kText ? "wild-pointer" : "exit-teardown");
    EXPECT_TRUE(base != kText || has_alternative(v, "exit-teardown"));
  }
}

TEST(ExitTeardown, WaitingForThreadsAndAtexitCallbacksAreStillTheProgram) {
  for (const char* inner : {"wait_for_thread_shutdown", "atexit_callfuncs"}) {
    CaseBuilder b;
    b.signal(SIGSEGV).fault(0, "read").instruction("mov", "move", {.base = "rax"});
    b.crashed({native("f"), interpreter(inner), interpreter("Py_FinalizeEx")});
    EXPECT_EQ(b.verdict().verdict_class, "null-pointer") << inner;
  }
}

TEST(ExitTeardown, PythonsOwnWordsAboutItsState) {
  CaseBuilder b;
  b.abort()
      .crashed({libc("abort"), interpreter("fatal_error")})
      .said(
          "Fatal Python error: _enter_buffered_busy: could not acquire lock for <_io.BufferedWriter name='<stdout>'> "
          "at interpreter "
          "shutdown, possibly due to daemon threads\nPython runtime state: finalizing (tstate=0x0000)\n");
  EXPECT_EQ(b.verdict().verdict_class, "exit-teardown");
  EXPECT_TRUE(has_factor(b.verdict(), "python-fatal"));
}

TEST(Killed, SenderIsNamedAndLimitsAreToldApart) {
  CaseBuilder term;
  term.signal(SIGTERM, 0).sender(42, "slurmstepd");
  EXPECT_EQ(term.verdict().verdict_class, "killed");
  EXPECT_EQ(term.verdict().confidence, Confidence::kCertain);
  EXPECT_THAT(term.verdict().summary, HasSubstr("slurmstepd"));
  CaseBuilder cpu;
  cpu.signal(SIGXCPU, 0x80);
  EXPECT_THAT(all_text(cpu.verdict()), HasSubstr("ulimit -t"));
  CaseBuilder segv;
  segv.signal(SIGSEGV, 0).sender(42, "bash").crashed({native("f")});
  EXPECT_EQ(segv.verdict().verdict_class, "killed") << "kill -SEGV is no memory fault";
}

CaseBuilder waiting(const char* main_wait, const char* worker_wait) {
  CaseBuilder b;
  b.raw().death.kind = "none";
  b.crashed({libc(main_wait)});
  b.raw().threads.front().crashed = false;
  b.other_thread({libc(worker_wait)});
  return b;
}

TEST(Deadlock, EveryThreadWaits) {
  const Verdict v = waiting("__futex_abstimed_wait_common", "write").verdict();
  EXPECT_EQ(v.verdict_class, "deadlock");
  EXPECT_EQ(v.confidence, Confidence::kLikely);
}

TEST(Deadlock, AThreadThatSleepsReadsOrRunsMayGoOn) {
  for (const char* wait : {"clock_nanosleep", "poll", "memcpy"})
    EXPECT_NE(waiting("__futex_abstimed_wait_common", wait).verdict().verdict_class, "deadlock") << wait;
}

TEST(Deadlock, AfterAKillItIsALeadOnly) {
  auto b = waiting("pthread_cond_wait", "pthread_cond_wait");
  b.signal(SIGTERM, 0).sender(1, "systemd");
  EXPECT_EQ(b.verdict().verdict_class, "killed");
  EXPECT_TRUE(has_alternative(b.verdict(), "deadlock"));
}

TEST(PythonException, TextOpAndTheUsersLine) {
  CaseBuilder b;
  b.exit(1).said(
      "Traceback (most recent call last):\n  File \"main.py\", line 4, in <module>\n    tf.matmul(a, b)\n"
      "  File \"/env/lib/python3.8/site-packages/tensorflow/x.py\", line 7, in f\n    raise e\n"
      "tensorflow.python.framework.errors_impl.InvalidArgumentError: Matrix size-incompatible [Op:MatMul]\n");
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "python-exception");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.summary, HasSubstr("InvalidArgumentError in op MatMul at main.py:4"));
  EXPECT_EQ(v.where->source, "tf.matmul(a, b)");
}

TEST(PythonException, ShapesAndTheLineInsideTheFunction) {
  CaseBuilder b;
  b.exit(1).said(
      "Traceback (most recent call last):\n  File \"main.py\", line 9, in <module>\n    result = my_op(tensor)\n"
      "  File \"/env/lib/python3.8/site-packages/tensorflow/func_graph.py\", line 977, in wrapper\n    raise e\n"
      "ValueError: in user code:\n\n    main.py:5 my_op  *\n        b = tf.multiply(x, a)\n\n"
      "    ValueError: Dimensions must be equal, but are 1000 and 3 for '{{node Mul}} = Mul[T=DT_FLOAT](x, Const)' "
      "with "
      "input shapes: [1000,1000], [3].\n");
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "python-exception");
  EXPECT_EQ(v.confidence, Confidence::kCertain);
  EXPECT_THAT(v.summary, HasSubstr("ValueError in op Mul at main.py:5: Dimensions must be equal"));
  EXPECT_EQ(v.where->line, 5);
  EXPECT_EQ(v.where->function, "my_op");
  ASSERT_TRUE(v.framework);
  EXPECT_EQ(v.framework->op, "Mul");
  EXPECT_EQ(v.framework->created_at->line, 5);
  EXPECT_THAT(v.evidence, Contains("Of the op's inputs, input 0 has shape [1000, 1000]; input 1 has shape [3]."));
  EXPECT_THAT(v.advice, ElementsAre("Make the shapes fit that main.py:5 gives to Mul."));
}

TEST(PythonException, ANodeThatRanHasTwoLines) {
  CaseBuilder b;
  b.exit(1).said(
      "Traceback (most recent call last):\n  File \"main.py\", line 9, in <module>\n    f(x)\n"
      "  File \"/env/lib/python3.8/site-packages/tensorflow/execute.py\", line 54, in quick_execute\n    run()\n"
      "tensorflow.python.framework.errors_impl.InvalidArgumentError: Graph execution error:\n\n"
      "Detected at node 'Mul' defined at (most recent call last):\n    File \"main.py\", line 9, in <module>\n"
      "      f(x)\n    File \"main.py\", line 6, in f\n      b = y * a\nNode: 'Mul'\n"
      "Incompatible shapes: [3] vs. [1000,1000]\n\t [[{{node Mul}}]] [Op:__inference_f_15]\n");
  const Verdict v = b.verdict();
  EXPECT_EQ(v.where->line, 9);
  ASSERT_TRUE(v.framework);
  EXPECT_EQ(v.framework->node, "Mul");
  EXPECT_EQ(v.framework->created_at->line, 6);
  EXPECT_THAT(v.evidence, Contains("The node Mul was created at main.py:6."));
}

TEST(PythonException, TheProgramsOwnInsideAFunctionHasALineAndNoOp) {
  CaseBuilder b;
  b.exit(1).said(
      "Traceback (most recent call last):\n  File \"main.py\", line 9, in <module>\n    f(x)\n"
      "ValueError: in user code:\n\n    File \"main.py\", line 5, in f  *\n        raise ValueError(\"no data\")\n\n"
      "    ValueError: no data\n");
  const Verdict v = b.verdict();
  EXPECT_EQ(v.summary, "ValueError at main.py:5: no data");
  EXPECT_EQ(v.where->line, 5);
  EXPECT_FALSE(v.framework);
}

TEST(PythonException, AnExceptionOfNobodysHasNoOp) {
  CaseBuilder b;
  b.exit(1).said(
      "Traceback (most recent call last):\n  File \"main.py\", line 4, in <module>\n    f()\n"
      "ValueError: Incompatible shapes: [2] vs. [3]\n");
  EXPECT_FALSE(b.verdict().framework);
}

TEST(PythonException, ThreadsTracebackEndsNothing) {
  CaseBuilder b;
  b.exit(3).said(
      "Exception in thread T:\nTraceback (most recent call last):\n  File \"main.py\", line 4, in f\n    "
      "g()\nValueError: x\n");
  EXPECT_EQ(b.verdict().verdict_class, "ok");
}

TEST(Ok, NormalEndsAndWrappersThatHideASignal) {
  CaseBuilder zero;
  EXPECT_EQ(zero.exit(0).verdict().confidence, Confidence::kCertain);
  CaseBuilder wrapped;
  const Verdict v = wrapped.exit(139).verdict();
  EXPECT_EQ(v.verdict_class, "ok") << "a program may choose this status";
  EXPECT_EQ(v.confidence, Confidence::kLikely);
  EXPECT_THAT(v.alternatives.front().reason, HasSubstr("signal 11"));
}

// Whatever a program prints, every parser and rule answers: random cuts and joins of real messages.
TEST(Robustness, AnyTextIsAnswered) {
  const std::string corpus =
      std::string(kProtobuf) +
      "Traceback (most recent call last):\n  File \"a.py\", line 99999999999999999999, in\nX: y\n"
      "F a.cc:1] Check failed: a == (b (1 vs. 2\nOMP: Error #15: Initializing , but found \n"
      "Assertion `' failed\n*** ***\nthread '' panicked at '\nversion `' not found\n((((vs. :1(2\n"
      "Fatal Python error: : \nUnable to allocate nan array with shape (\n\xff\xfe: F \xc3\n";
  std::mt19937 random(11);  // NOLINT(bugprone-random-generator-seed): a fixed seed makes a failure repeatable
  const auto below = [&random](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int part = 0; part < 6; ++part) text += corpus.substr(below(corpus.size()), below(120));
    CaseBuilder b;
    if (round % 2 == 0) b.abort().crashed({libc("abort")});
    if (round % 2 == 1) b.exit(1);
    b.said(text).abort_text(round % 3 == 0 ? text : "");
    EXPECT_FALSE(b.verdict().verdict_class.empty());
  }
}

TEST(Unknown, NothingKnownStaysUnknownWithExperiments) {
  CaseBuilder b;
  b.signal(SIGSEGV);
  b.raw().death.code.reset();
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "unknown");
  EXPECT_FALSE(v.experiments.empty());
  EXPECT_FALSE(diagnose(Case{}).summary.empty()) << "even an empty case gets an answer";
}

}  // namespace
}  // namespace segwhy
