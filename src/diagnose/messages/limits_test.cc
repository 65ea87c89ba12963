// Limits and libraries that do not fit.
#include "diagnose/messages/limits.h"

#include <gtest/gtest.h>

#include "diagnose/messages/libraries.h"

namespace segwhy::text {
namespace {

TEST(AllocationFailure, NumpyTensorFlowTorchRustArrow) {
  const auto numpy = read_allocation_failure(
      "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 24.0 TiB for an array with shape (2000000, "
      "3000000) and "
      "data type float32");
  ASSERT_TRUE(numpy);
  EXPECT_EQ(numpy->bytes, std::uint64_t{24} << 40);
  EXPECT_EQ(numpy->shape, "(2000000, 3000000)");
  EXPECT_EQ(numpy->dtype, "float32");
  const auto tensor = read_allocation_failure(
      "ResourceExhaustedError: OOM when allocating tensor with shape[2000000,3000000] and type float on "
      "/job:localhost/replica:0/task:0/device:CPU:0 by allocator cpu [Op:Fill]");
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->shape, "[2000000,3000000]");
  EXPECT_EQ(tensor->dtype, "float");
  EXPECT_EQ(tensor->device, "");
  EXPECT_EQ(
      read_allocation_failure("RuntimeError: [enforce fail at alloc_cpu.cpp:75] . DefaultCPUAllocator: can't allocate "
                              "memory: you tried to allocate 4000000000000 bytes. Error code 12")
          ->bytes,
      4000000000000U);
  EXPECT_EQ(
      read_allocation_failure("torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0")
          ->device,
      "GPU");
  EXPECT_EQ(read_allocation_failure("memory allocation of 1099511627776 bytes failed")->bytes, std::uint64_t{1} << 40);
  EXPECT_EQ(read_allocation_failure("pyarrow.lib.ArrowMemoryError: malloc of size 64 failed")->bytes, 64U);
  EXPECT_TRUE(read_allocation_failure("OSError: [Errno 12] Cannot allocate memory"));
}

TEST(AllocationFailure, OtherTalkOfMemory) {
  EXPECT_FALSE(read_allocation_failure(
      "W cpu_allocator_impl.cc:80] Allocation of 268435456 exceeds 10% of free system memory."));
  EXPECT_FALSE(read_allocation_failure("memory allocation of the year"));
  EXPECT_FALSE(read_allocation_failure("Unable to allocate a seat"));
}

TEST(ParseSize, UnitsAndAbsurdNumbers) {
  EXPECT_EQ(parse_size("1536 bytes"), 1536U);
  EXPECT_EQ(parse_size("20.00 MiB"), std::uint64_t{20} << 20);
  EXPECT_EQ(parse_size("1e300"), UINT64_MAX);
  EXPECT_FALSE(parse_size("much"));
}

TEST(ThreadFailure, WhoCouldNotStartAThread) {
  EXPECT_TRUE(read_thread_failure("RuntimeError: can't start new thread"));
  EXPECT_EQ(
      read_thread_failure("OpenBLAS blas_thread_init: pthread_create failed for thread 3 of 8: Resource temporarily "
                          "unavailable")
          ->pool,
      "OpenBLAS");
  EXPECT_EQ(
      read_thread_failure("Check failed: ret == 0 (11 vs. 0)Thread tf_Compute creation via pthread_create() failed.")
          ->pool,
      "tf_Compute");
  EXPECT_EQ(read_thread_failure("libgomp: Thread creation failed: Resource temporarily unavailable")->pool, "OpenMP");
  EXPECT_TRUE(read_thread_failure("failed to spawn thread: Os { code: 11, kind: WouldBlock }"));
  EXPECT_TRUE(read_thread_failure("runtime: failed to create new OS thread (have 2 already; errno=11)"));
  EXPECT_FALSE(read_thread_failure("read: Resource temporarily unavailable"));
  EXPECT_FALSE(read_thread_failure("started 8 threads"));
}

using Kind = LibraryComplaint::Kind;

TEST(Libraries, ProtobufVersions) {
  const auto found = read_library_complaint(
      "[libprotobuf FATAL google/protobuf/stubs/common.cc:87] This program was compiled against version 3.9.2 of the "
      "Protocol "
      "Buffer runtime library, which is not compatible with the installed version (3.21.12).  Contact the program "
      "author");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Kind::kConflict);
  EXPECT_EQ(found->what, "protobuf");
  EXPECT_EQ(found->first, "3.9.2");
  EXPECT_EQ(found->second, "3.21.12");
}

TEST(Libraries, OpenMpNamesBoth) {
  const auto found =
      read_library_complaint("OMP: Error #15: Initializing libiomp5.so, but found libomp.so already initialized.");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Kind::kOpenMp);
  EXPECT_EQ(found->first, "libiomp5.so");
  EXPECT_EQ(found->second, "libomp.so");
}

TEST(Libraries, SymbolVersionsOfTheRuntimeAndOfLibc) {
  const auto runtime = read_library_complaint(
      "ImportError: /lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.30' not found (required by /env/x.so)");
  ASSERT_TRUE(runtime);
  EXPECT_EQ(runtime->kind, Kind::kConflict);
  EXPECT_EQ(runtime->first, "GLIBCXX_3.4.30");
  EXPECT_EQ(runtime->second, "/lib/x86_64-linux-gnu/libstdc++.so.6");
  EXPECT_EQ(runtime->requirer, "/env/x.so");
  EXPECT_EQ(read_library_complaint("libc.so.6: version `GLIBC_2.38' not found (required by ./a.so)")->kind, Kind::kAbi);
}

TEST(Libraries, NumpyAndPythonAbi) {
  const auto api =
      read_library_complaint("RuntimeError: module compiled against API version 0x10 but this version of numpy is 0xe");
  ASSERT_TRUE(api);
  EXPECT_EQ(api->first, "0x10");
  EXPECT_EQ(api->second, "0xe");
  EXPECT_TRUE(read_library_complaint(
      "RuntimeError: module compiled against ABI version 0x1000009 but this version of numpy is 0x2000000"));
  const auto size = read_library_complaint(
      "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88 "
      "from PyObject");
  ASSERT_TRUE(size);
  EXPECT_EQ(size->what, "numpy.dtype");
  EXPECT_EQ(size->first, "96");
  EXPECT_EQ(size->second, "88");
  EXPECT_FALSE(size->warning_only);
  EXPECT_TRUE(read_library_complaint("A module that was compiled using NumPy 1.x cannot be run in")->warning_only);
  const auto symbol =
      read_library_complaint("ImportError: /env/_ops.so: undefined symbol: _ZN10tensorflow8OpKernel11TraceStringE");
  ASSERT_TRUE(symbol);
  EXPECT_EQ(symbol->requirer, "/env/_ops.so");
  EXPECT_EQ(symbol->what, "_ZN10tensorflow8OpKernel11TraceStringE");
}

TEST(Libraries, TheErrorCountsBeforeTheWarning) {
  const auto found = find_library_complaint(lines_of(
      "ImportError: /env/x.so: undefined symbol: foo\nA module that was compiled using NumPy 1.x cannot be run in\n"));
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->warning_only);
  EXPECT_FALSE(find_library_complaint(lines_of("all versions are fine")));
}

TEST(Libraries, CpuRequirements) {
  const auto found = read_library_complaint(
      "The TensorFlow library was compiled to use AVX instructions, but these aren't available on your machine.");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Kind::kCpu);
  EXPECT_EQ(found->what, "AVX");
}

TEST(SourceRef, NeedsAnExtension) {
  EXPECT_EQ(last_source_ref("at src/a.cc:12: x")->line, 12);
  EXPECT_FALSE(last_source_ref("2021-05-14 10:00:00.123"));
  EXPECT_FALSE(last_source_ref("localhost:8080"));
  EXPECT_EQ(last_source_ref("[x:FATAL:file.cc(123)]")->line, 123);
}

}  // namespace
}  // namespace segwhy::text
