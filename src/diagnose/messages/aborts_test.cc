// Assertions, allocator complaints, terminations and panics.
#include <gtest/gtest.h>

#include "diagnose/messages/assertion.h"
#include "diagnose/messages/heap.h"
#include "diagnose/messages/termination.h"

namespace segwhy::text {
namespace {

TEST(Assertion, GlibcsOwnFormat) {
  const auto found =
      find_assertion(lines_of("python3.11: ring.c:42: ring_push: Assertion `r->used < r->size' failed.\n"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->expression, "r->used < r->size");
  EXPECT_EQ(found->file, "ring.c");
  EXPECT_EQ(found->line, 42);
  EXPECT_EQ(found->function, "ring_push");
}

TEST(Assertion, EigenWithTemplatesInTheFunction) {
  const auto found =
      find_assertion(lines_of("python: /usr/include/eigen3/Eigen/src/Core/DenseCoeffsBase.h:180: "
                              "Eigen::DenseCoeffsBase<Derived, 0>::CoeffReturnType "
                              "Eigen::DenseCoeffsBase<Derived, 0>::operator[](Eigen::Index) const [with Derived = "
                              "Eigen::Matrix<double, -1, 1>]: "
                              "Assertion `index >= 0 && index < size()' failed."));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->file, "/usr/include/eigen3/Eigen/src/Core/DenseCoeffsBase.h");
  EXPECT_EQ(found->line, 180);
  EXPECT_EQ(found->expression, "index >= 0 && index < size()");
}

TEST(Assertion, LibstdcxxAndGlibAndZmq) {
  const auto vector =
      find_assertion(lines_of("/usr/include/c++/12/bits/stl_vector.h:1123: std::vector<int>::reference "
                              "std::vector<int>::operator[](size_type): "
                              "Assertion '__n < this->size()' failed."));
  ASSERT_TRUE(vector);
  EXPECT_EQ(vector->line, 1123);
  const auto glib = find_assertion(lines_of("Bail out! GLib:ERROR:../gobject/gtype.c:12:f: assertion failed: (x > 0)"));
  ASSERT_TRUE(glib);
  EXPECT_EQ(glib->line, 12);
  const auto zmq = find_assertion(lines_of("Assertion failed: check () (src/msg.cpp:414)"));
  ASSERT_TRUE(zmq);
  EXPECT_EQ(zmq->expression, "check ()");
  EXPECT_EQ(zmq->file, "src/msg.cpp");
}

TEST(Assertion, ErrnoAbortOfAMessagingLibrary) {
  const auto found = find_assertion(lines_of("Too many open files (src/epoll.cpp:65)\n"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, AssertionFailure::Kind::kErrno);
  EXPECT_EQ(found->expression, "Too many open files");
  EXPECT_EQ(found->line, 65);
  EXPECT_FALSE(find_assertion(lines_of("loaded (main.py:3)"))) << "a Python place is nobody's errno abort";
  EXPECT_FALSE(find_assertion(lines_of("took 3 s (1:20)")));
}

TEST(Assertion, Hardening) {
  const auto fortify = find_assertion(lines_of("*** buffer overflow detected ***: terminated\n"));
  ASSERT_TRUE(fortify);
  EXPECT_EQ(fortify->kind, AssertionFailure::Kind::kFortify);
  const auto smashed = find_assertion(lines_of("*** stack smashing detected ***: <unknown> terminated\n"));
  ASSERT_TRUE(smashed);
  EXPECT_EQ(smashed->kind, AssertionFailure::Kind::kStackProtector);
  EXPECT_FALSE(find_assertion(lines_of("*** Check failure stack trace: ***")));
}

TEST(Heap, WordsThatProveADoubleFreeAndWordsThatDoNot) {
  const auto kind = [](std::string_view text) { return find_heap_complaint(lines_of(text)); };
  using Kind = HeapComplaint::Kind;
  EXPECT_TRUE(kind("free(): double free detected in tcache 2")->proven);
  EXPECT_TRUE(kind("double free or corruption (fasttop)")->proven);
  EXPECT_EQ(kind("double free or corruption (!prev)")->kind, Kind::kMetadata);
  EXPECT_EQ(kind("double free or corruption (out)")->kind, Kind::kMetadata);
  EXPECT_EQ(kind("free(): invalid pointer")->kind, Kind::kInvalidFree);
  EXPECT_EQ(kind("munmap_chunk(): invalid pointer")->kind, Kind::kInvalidFree);
  EXPECT_EQ(kind("free(): invalid next size (normal)")->kind, Kind::kMetadata);
  EXPECT_EQ(kind("malloc(): unaligned tcache chunk detected")->kind, Kind::kMetadata);
  EXPECT_EQ(kind("corrupted size vs. prev_size while consolidating")->kind, Kind::kMetadata);
  EXPECT_EQ(kind("malloc_consolidate(): unaligned fastbin chunk detected")->kind, Kind::kMetadata);
  EXPECT_EQ(kind("*** Error in `python': double free or corruption (fasttop): 0x0000 ***")->kind, Kind::kDoubleFree);
  EXPECT_EQ(kind("src/tcmalloc.cc:333] Attempt to free invalid pointer 0x55d0c1b0e0")->allocator, "tcmalloc");
  EXPECT_EQ(kind("mimalloc: error: double free detected of block 0x20 with size 16")->kind, Kind::kDoubleFree);
}

TEST(Heap, TalkAboutAllocatorsIsNoComplaint) {
  EXPECT_FALSE(find_heap_complaint(lines_of("the manual explains free(): invalid pointer")));
  EXPECT_FALSE(find_heap_complaint(lines_of("<jemalloc>: Error in malloc(): out of memory")));
  EXPECT_FALSE(find_heap_complaint(lines_of("freeing memory")));
  EXPECT_FALSE(find_heap_complaint(lines_of("double free or corruption is what this program tests")));
  EXPECT_FALSE(find_heap_complaint(lines_of("malloc(): Let us see what it does today")));
}

TEST(Termination, LibstdcxxWithAndWithoutAnException) {
  const auto thrown = find_termination(lines_of(
      "terminate called after throwing an instance of 'SymEngine::SymEngineException'\n  what():  Matrix is rank "
      "deficient\n"));
  ASSERT_TRUE(thrown);
  EXPECT_EQ(thrown->type, "SymEngine::SymEngineException");
  EXPECT_EQ(thrown->what, "Matrix is rank deficient");
  const auto none = find_termination(lines_of("terminate called without an active exception\n"));
  ASSERT_TRUE(none);
  EXPECT_EQ(none->kind, Termination::Kind::kNoException);
  const auto pure =
      find_termination(lines_of("pure virtual method called\nterminate called without an active exception\n"));
  ASSERT_TRUE(pure);
  EXPECT_EQ(pure->kind, Termination::Kind::kPureVirtual);
  EXPECT_EQ(find_termination(lines_of("terminate called recursively"))->kind, Termination::Kind::kRecursive);
}

TEST(Termination, Libcxx) {
  const auto found =
      find_termination(lines_of("libc++abi: terminating due to uncaught exception of type std::out_of_range: vector"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->type, "std::out_of_range");
  EXPECT_EQ(found->what, "vector");
  EXPECT_FALSE(find_termination(lines_of("libc++abi is loaded")));
}

TEST(Panic, RustOldAndNewAndGo) {
  const auto old =
      find_panic(lines_of("thread '<unnamed>' panicked at 'index out of bounds: the len is 3', src/lib.rs:9:5"));
  ASSERT_TRUE(old);
  EXPECT_EQ(old->message, "index out of bounds: the len is 3");
  EXPECT_EQ(old->file, "src/lib.rs");
  EXPECT_EQ(old->line, 9);
  const auto recent = find_panic(
      lines_of("thread 'main' panicked at src/main.rs:4:10:\ncalled `Option::unwrap()` on a `None` value\n"));
  ASSERT_TRUE(recent);
  EXPECT_EQ(recent->message, "called `Option::unwrap()` on a `None` value");
  const auto go =
      find_panic(lines_of("panic: runtime error: index out of range [5]\n\ngoroutine 1 [running]:\nmain.main()\n"));
  ASSERT_TRUE(go);
  EXPECT_EQ(go->language, "Go");
  EXPECT_FALSE(find_panic(lines_of("panic: at the disco\nno routine here")));
}

}  // namespace
}  // namespace segwhy::text
