// Reads of bytes that were never written: found where they decide something at once, and nowhere else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string.h>
#include <unistd.h>

#include <vector>

#include "runtime/exact/exact.h"
#include "runtime/exact/testing/harness.h"

namespace segwhy::runtime::exact {
namespace {

using ::testing::SizeIs;
using testing::take_findings;

// Each is one instruction sequence at one place: an instruction is reported once.
#define SEQUENCE __attribute__((noinline)) bool

SEQUENCE compares_in_memory(const volatile void* at) {
  bool equal = false;
  asm volatile("cmpl $7, (%1)\n jne 1f\n movb $1, %0\n 1:" : "+m"(equal) : "r"(at) : "cc", "memory");
  return equal;
}

SEQUENCE loads_and_tests(const volatile void* at) {
  bool zero = false;
  asm volatile("movq (%1), %%rax\n movq %%rax, %%rcx\n addq $1, %%rcx\n testq %%rcx, %%rcx\n jne 1f\n movb $1, %0\n 1:"
               : "+m"(zero)
               : "r"(at)
               : "rax", "rcx", "cc", "memory");
  return zero;
}

SEQUENCE loads_an_index(const volatile void* at) {
  static const char table[256] = {};
  char seen = 0;
  asm volatile("movzbl (%1), %%eax\n movb (%2,%%rax), %0" : "=&r"(seen) : "r"(at), "r"(table) : "rax", "memory");
  return seen != 0;
}

SEQUENCE loads_and_stores(const volatile void* at, void* to) {
  asm volatile("movq (%0), %%rax\n movq %%rax, (%1)\n cmpq $0, %0\n je 1f\n 1:"
               :
               : "r"(at), "r"(to)
               : "rax", "cc", "memory");
  return true;
}

SEQUENCE computes_without_branch(const volatile void* at) {
  bool equal = false;
  asm volatile("movl (%1), %%eax\n cmpl $7, %%eax\n sete %0" : "=&r"(equal) : "r"(at) : "rax", "cc", "memory");
  return equal;
}

SEQUENCE masks_before_the_branch(const volatile void* at) {
  bool set = false;
  asm volatile("movl (%1), %%eax\n andl $0, %%eax\n testl %%eax, %%eax\n je 1f\n movb $1, %0\n 1:"
               : "+m"(set)
               : "r"(at)
               : "rax", "cc", "memory");
  return set;
}

SEQUENCE overwrites_the_register(const volatile void* at) {
  bool set = false;
  asm volatile("movl (%1), %%eax\n xorl %%eax, %%eax\n cmpl $1, %%eax\n jne 1f\n movb $1, %0\n 1:"
               : "+m"(set)
               : "r"(at)
               : "rax", "cc", "memory");
  return set;
}

SEQUENCE loads_behind_a_branch(const volatile void* at) {
  bool set = false;
  asm volatile("movl (%1), %%eax\n jmp 2f\n 2: cmpl $1, %%eax\n jne 1f\n movb $1, %0\n 1:"
               : "+m"(set)
               : "r"(at)
               : "rax", "cc", "memory");
  return set;
}

class Unwritten : public ::testing::Test {
 protected:
  void SetUp() override {
    table_ = &testing::start_exact();
    before_ = total();
    (void)take_findings();
  }
  void TearDown() override {
    for (void* const each : blocks_) release(each, 0);
  }

  // Zeros, of which nobody wrote any.
  char* fresh(std::size_t size = 64) {
    auto* const made = static_cast<char*>(allocate(size, 64, 7));
    memset(made + table_->alias_distance, 0, size < 4096 ? size : 0);
    blocks_.push_back(made);
    return made;
  }

  // What was found since the beginning of the test, an instruction's repeated ones included.
  [[nodiscard]] std::uint64_t found() const { return total() - before_; }

  wire::AccessTable* table_ = nullptr;
  std::vector<void*> blocks_;

 private:
  [[nodiscard]] std::uint64_t total() const {
    std::uint64_t count = table_->finding_count;
    for (std::uint32_t i = 0; i < table_->finding_count; ++i) count += table_->findings[i].repeats;
    return count;
  }
  std::uint64_t before_ = 0;
};

TEST_F(Unwritten, AComparisonInMemoryIsFoundOnce) {
  char* const block = fresh();
  EXPECT_FALSE(compares_in_memory(block + 8));  // the first call of all
  const auto findings = take_findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].access.offset, 8);
  EXPECT_EQ(findings[0].access.width, 4u);
  EXPECT_EQ(findings[0].access.flags, wire::kAccessRead | wire::kAccessUnwritten);
  EXPECT_EQ(findings[0].block.size, 64u);
  (void)compares_in_memory(block + 16);
  EXPECT_EQ(found(), 2u);
}

TEST_F(Unwritten, ALoadThatABranchDependsOnIsFound) {
  (void)loads_and_tests(fresh());
  EXPECT_EQ(found(), 1u);
}

TEST_F(Unwritten, ALoadThatIsAnAddressIsFound) {
  (void)loads_an_index(fresh());
  EXPECT_EQ(found(), 1u);
}

TEST_F(Unwritten, CopiesAndSumsAreNothing) {
  char* const block = fresh();
  char* const other = fresh();
  (void)loads_and_stores(block, other);
  (void)computes_without_branch(block);
  (void)masks_before_the_branch(block);
  (void)overwrites_the_register(block);
  (void)loads_behind_a_branch(block);
  char copy[64];
  memcpy(copy, block, sizeof copy);
  memcpy(other, copy, sizeof copy);
  EXPECT_EQ(memcmp(other, copy, sizeof copy), 0);
  EXPECT_EQ(strlen(block), 0u);
  EXPECT_EQ(found(), 0u);
}

// Every sequence that is found above, on bytes of which at least one was written.
TEST_F(Unwritten, WhatWasWrittenIsNothing) {
  char* const block = fresh();
  volatile char* const bytes = block;
  const auto use = [](const char* at) {
    (void)compares_in_memory(at);
    (void)loads_and_tests(at);
    (void)loads_an_index(at);
  };
  bytes[0] = 0;
  use(block);  // partly
  memset(block + 8, 0, 8);
  use(block + 8);
  asm volatile("orb $1, (%0)" : : "r"(block + 16) : "cc", "memory");
  use(block + 16);
  asm volatile("pxor %%xmm0, %%xmm0\n movups %%xmm0, (%0)" : : "r"(block + 24) : "xmm0", "memory");
  use(block + 24);
  (void)direct(block);
  use(block + 48);
  EXPECT_EQ(found(), 0u);
}

TEST_F(Unwritten, WhatTheKernelWroteIsWritten) {
  char* const block = fresh();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "12345678", 8), 8);
  ASSERT_EQ(read(ends[0], block, 8), 8);
  (void)compares_in_memory(block);
  (void)loads_and_tests(block);
  EXPECT_EQ(found(), 0u);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(Unwritten, TheMiddleOfALargeBlockIsNotKnown) {
  char* const block = fresh(std::size_t{1} << 20);
  (void)compares_in_memory(block + (1 << 19));
  (void)loads_and_tests(block + (1 << 19));
  EXPECT_EQ(found(), 0u);
}

}  // namespace
}  // namespace segwhy::runtime::exact
