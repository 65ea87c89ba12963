// Whom a stack blames, which inputs are suspect, and how a run is repeated.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "diagnose/frames.h"
#include "diagnose/testing/case_builder.h"

namespace segwhy {
namespace {

using namespace testing_support;  // NOLINT(google-build-using-namespace): a test's vocabulary
using testing::HasSubstr;
using testing::Not;

constexpr Address kBuffer = 0x7f1000000000;

NativeFrame ffi(const char* name = "") {
  return native(name, "/usr/lib/x86_64-linux-gnu/libffi.so.8.1.2");
}
NativeFrame ctypes() {
  return native("_call_function_pointer", "/lib/_ctypes.cpython-312-x86_64-linux-gnu.so");
}

CaseBuilder memset_through_ctypes(std::uint64_t left) {
  CaseBuilder b;
  b.signal(SIGSEGV)
      .crashed({libc("memset"), ffi(), ffi("ffi_call"), ctypes(), interpreter("_PyEval_EvalFrameDefault"),
                libc("__libc_start_call_main")})
      .fault(kBuffer, "write")
      .instruction("rep stosb", "string", {.base = "rdi", .base_value = kBuffer, .width = 1})
      .instruction_on_register("rep stosb", "string", "rcx", left);
  return b;
}

TEST(Culprit, RoutineCalledThroughCtypesIsNamed) {
  const Verdict v = memset_through_ctypes(1 << 20).verdict();
  EXPECT_THAT(v.summary, HasSubstr("memset (called through ctypes) wrote at"));
  EXPECT_THAT(v.summary, HasSubstr("1.0 MiB still to go"));
  EXPECT_THAT(all_text(v), Not(HasSubstr("1 byte at")));
}

TEST(Culprit, FunctionBehindTheForeignCallIsNotSkipped) {
  Thread thread;
  thread.native = {libc("memcpy"), native("Lib::copy"), ffi(), ctypes()};
  EXPECT_EQ(culprit_frame(thread)->function, "Lib::copy");
  thread.native = {native("", "/lib/libstdc++.so.6.0.30"), native("g")};
  EXPECT_EQ(culprit_frame(thread)->function, "g");
  thread.native = {libc("abort"), ffi(), ctypes(), interpreter("_PyObject_MakeTpCall")};
  EXPECT_EQ(culprit_frame(thread), nullptr);
  thread.native = {native("i_get", "/lib/_ctypes.cpython-312.so"), interpreter("PyObject_GetAttr")};
  EXPECT_EQ(culprit_frame(thread)->function, "i_get");
  EXPECT_EQ(culprit_of(thread).called_through, "");
}

TEST(NativeStack, StopsAtTheInterpreterAndLeavesStartUpOut) {
  const std::string text = all_text(memset_through_ctypes(1).verdict());
  EXPECT_THAT(text, HasSubstr("Native stack: memset."));
  EXPECT_THAT(text, Not(HasSubstr("__libc_start_call_main")));
}

TEST(NativeStack, OfAProgramWithoutPythonEndsAtItsMain) {
  CaseBuilder b;
  b.signal(SIGSEGV)
      .fault(kBuffer, "read")
      .crashed(
          {native("sum"), native("main"), libc("__libc_start_call_main"), libc("__libc_start_main"), native("_start")},
          false);
  EXPECT_THAT(all_text(b.verdict()), HasSubstr("Native stack: sum < main."));
}

TEST(Overrun, FillThatIsLargerThanTheMappingItArrivedAt) {
  auto b = memset_through_ctypes(1 << 28);
  b.inside(mapping(kBuffer, kBuffer + 0x57000, "r--p", "/usr/lib/locale/C.utf8/LC_CTYPE"));
  const Verdict v = b.verdict();
  EXPECT_EQ(v.verdict_class, "wild-pointer");
  EXPECT_THAT(v.summary, HasSubstr("ran past the end of its memory into LC_CTYPE"));
  EXPECT_EQ(v.alternatives.front().verdict_class, "out-of-bounds-write");
}

TEST(Overrun, FillThatTheMappingCouldHoldIsMeantForIt) {
  auto b = memset_through_ctypes(4096);
  b.inside(mapping(kBuffer, kBuffer + 0x57000, "r--p", "/home/u/table.npy"));
  EXPECT_EQ(b.verdict().verdict_class, "write-to-read-only");
}

TEST(Reach, PointerIntoTheMappingThatRefusesIsNoGoodBase) {
  CaseBuilder b;
  b.signal(SIGSEGV, 2).crashed({native("Op::Compute")}).fault(kBuffer + 8, "write");
  b.inside(mapping(kBuffer, kBuffer + (64 << 20), "---p"));
  b.instruction("mov [rcx], eax", "move", {.base = "rcx", .base_value = kBuffer + 8, .width = 4});
  EXPECT_THAT(all_text(b.verdict()), Not(HasSubstr("beyond the memory")));
  for (const Alternative& alternative : b.verdict().alternatives)
    EXPECT_THAT(alternative.reason, Not(HasSubstr("good pointer and only the index")));
}

TEST(CutPointer, ThirtyTwoBitsWhereEverythingIsMappedHigh) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({libc("strlen"), ffi(), ctypes(), interpreter("f")}).fault(0x73ce2fe0, "read");
  b.instruction("vpcmpb k0, ymm16, [rdi]", "other", {.base = "rdi", .base_value = 0x73ce2fe0, .width = 32});
  b.module("/lib/libc.so.6", {});
  b.raw().program.modules.front().start = kBuffer;
  EXPECT_THAT(all_text(b.verdict()), HasSubstr("cut to an int"));
  EXPECT_THAT(b.verdict().advice.front(), HasSubstr("argtypes"));
  b.raw().program.modules.front().start = 0x400000;
  EXPECT_THAT(all_text(b.verdict()), Not(HasSubstr("cut to an int")));
}

CaseBuilder null_in_op(std::vector<TensorInfo> inputs) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({native("RaggedOp::Compute")}).fault(0xffffffffffffff14, "write");
  b.instruction("add [r8+r9*4], 1", "other",
                {.base = "r8",
                 .base_value = 0,
                 .index = "r9",
                 .index_value = static_cast<std::uint64_t>(-59),
                 .scale = 4,
                 .width = 4});
  b.op("Ragged", std::move(inputs));
  return b;
}

TEST(OddInputs, AnEmptyOneIsInnocentWhereAnothersNumberIsInTheRegisters) {
  const std::string text =
      all_text(null_in_op({tensor("input 2", "int32", {}, "[59]"), tensor("input 3", "int32", {0})}).verdict());
  EXPECT_THAT(text, Not(HasSubstr("is empty")));
  const std::string other =
      all_text(null_in_op({tensor("input 2", "int32", {}, "[7]"), tensor("input 3", "int32", {0})}).verdict());
  EXPECT_THAT(other, HasSubstr("input 3 is empty"));
}

TEST(OddInputs, NotANumberIsOdd) {
  EXPECT_THAT(all_text(null_in_op({tensor("input 0", "float32", {2}, "[1, nan]")}).verdict()),
              HasSubstr("input 0 holds NaN or an infinity"));
}

TEST(OddInputs, SizesWhoseProductDoesNotFit) {
  const auto text = [](const char* sizes) {
    return all_text(null_in_op({tensor("input 0", "int64", {3}, sizes)}).verdict());
  };
  EXPECT_THAT(text("[65536, 65536, 4294967296]"), HasSubstr("the product of the numbers in input 0 does not fit"));
  EXPECT_THAT(text("[65536, 65536, 1024]"), Not(HasSubstr("product")));
  EXPECT_THAT(text("[0, 4294967296, 4294967296]"), Not(HasSubstr("product")));
}

TEST(OddInputs, ANegativeNumberBehindTheFirstOnes) {
  TensorInfo input = tensor("input 0", "int64", {4096}, "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, ...]");
  EXPECT_THAT(all_text(null_in_op({input}).verdict()), Not(HasSubstr("negative number")));
  input.range = NumberRange{.least = -4, .most = 9, .least_at = 77, .most_at = 9, .looked_at = 4096};
  EXPECT_THAT(all_text(null_in_op({input}).verdict()), HasSubstr("input 0 holds a negative number (-4 at element 77)"));
}

TEST(Op, ThatHadCalledTheUsersCodeIsOnlyContext) {
  auto b = memset_through_ctypes(1 << 20);
  Thread& thread = b.raw().threads.front();
  thread.native.push_back(native("PyFuncOp::Compute", "/env/site-packages/tensorflow/libtensorflow_framework.so.2"));
  thread.merged = {{false, 0}, {true, 0}, {false, static_cast<std::uint32_t>(thread.native.size() - 1)}};
  b.op("PyFunc", {tensor("input 0", "int32", {}, "[-1]")});
  EXPECT_THAT(b.verdict().summary, Not(HasSubstr("PyFunc")));
  EXPECT_THAT(all_text(b.verdict()), HasSubstr("the crash is in that"));
  EXPECT_THAT(all_text(b.verdict()), Not(HasSubstr("holds a negative")));
  std::swap(thread.merged[1], thread.merged[2]);  // the kernel itself is innermost
  EXPECT_THAT(b.verdict().summary, HasSubstr("Op PyFunc"));
}

TEST(Rerun, EagerlyWhereAGraphDied) {
  auto b = null_in_op({tensor("input 0", "float32", {2}, "[1, 2]")});
  b.raw().framework->phase = "eager";
  EXPECT_THAT(all_text(b.verdict()), Not(HasSubstr("--eager")));
  b.raw().framework->phase = "graph";
  EXPECT_THAT(b.verdict().advice.back(), HasSubstr("--eager"));
  b.raw().program.environment["SEGWHY_EAGER"] = "1";
  EXPECT_THAT(all_text(b.verdict()), Not(HasSubstr("--eager")));
}

std::string experiments(std::vector<std::string> command) {
  CaseBuilder b;
  b.signal(SIGSEGV)
      .crashed({native("f")})
      .fault(kBuffer, "read")
      .instruction("mov rax, [rdi]", "move", {.base = "rdi", .base_value = kBuffer});
  b.raw().program.argv = {"python", "-c", "from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5)"};
  b.raw().program.command = std::move(command);
  return all_text(b.verdict());
}

TEST(Rerun, TheCommandThatWasRunAndNotTheChildsOwn) {
  EXPECT_THAT(experiments({"python", "main.py"}), HasSubstr("segwhy run -- python main.py"));
  EXPECT_THAT(experiments({}), HasSubstr("as before, with MALLOC_PERTURB_=165 in the environment"));
}

TEST(Rerun, CodeOfSeveralLinesIsQuoted) {
  EXPECT_THAT(experiments({"python", "-c", "import a\nprint('x')"}), HasSubstr(R"($'import a\nprint(\'x\')')"));
}

TEST(Rerun, InWordsWhereItCannotBePasted) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"python", "-"}, {"python", "caf\xEF\xBF\xBD.py"}, {"python", std::string(400, 'x')}})
    EXPECT_THAT(experiments(command), HasSubstr("as before, with MALLOC_PERTURB_=165")) << command.back();
}

}  // namespace
}  // namespace segwhy
