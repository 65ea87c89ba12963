#include "symbols/native_origin.h"

#include <gtest/gtest.h>

namespace segwhy {
namespace {

TEST(NativeOrigin, CodeBuiltHereIsTheUsers) {
  EXPECT_EQ(native_origin("/home/u/solver", "/home/u/src/solver.cc"), "user");
  EXPECT_EQ(native_origin("/home/u/ops/my_op.so", "/home/u/ops/my_op.cc"), "user");
  EXPECT_EQ(native_origin("/srv/app/tool", "tool.c"), "user");
}

TEST(NativeOrigin, HeadersCompiledIntoItAreNot) {
  EXPECT_EQ(native_origin("/home/u/solver", "/usr/include/c++/12/bits/stl_vector.h"), "");
  EXPECT_EQ(native_origin("/home/u/solver", "/opt/llvm/include/c++/v1/vector"), "");
  EXPECT_EQ(native_origin("/home/u/solver", "/usr/lib/gcc/x86_64-linux-gnu/12/include/xmmintrin.h"), "");
}

TEST(NativeOrigin, InstalledCodeIsNot) {
  EXPECT_EQ(native_origin("/usr/lib/x86_64-linux-gnu/libc.so.6", "../sysdeps/nptl/libc_start_call_main.h"), "");
  EXPECT_EQ(native_origin("/usr/bin/gzip", "/build/gzip.c"), "");
  EXPECT_EQ(native_origin("/v/lib/python3.11/site-packages/a/_a.so", "/build/a.c"), "");
  EXPECT_EQ(native_origin("/v/lib/python3.11/lib-dynload/math.so", "/build/mathmodule.c"), "");
}

TEST(NativeOrigin, SegwhysOwnRuntimeIsNotWhereverItWasBuilt) {
  EXPECT_EQ(native_origin("/home/u/segwhy/build/libsegwhy.so", "/home/u/segwhy/src/runtime/heap/heap.cc"), "");
}

TEST(NativeOrigin, TheInterpreterIsNot) {
  EXPECT_EQ(native_origin("/home/u/py/bin/python3.11", "/home/u/py/Python/ceval.c"), "");
  EXPECT_EQ(native_origin("/home/u/py/libpython3.11.so.1.0", "/home/u/py/Python/ceval.c"), "");
}

TEST(NativeOrigin, WithoutLineInformationNobodyKnows) {
  EXPECT_EQ(native_origin("/home/u/solver", ""), "");
  EXPECT_EQ(native_origin("", "/home/u/solver.cc"), "");
}

}  // namespace
}  // namespace segwhy
