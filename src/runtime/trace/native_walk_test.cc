// The walker against glibc's backtrace(), which unwinds with libgcc: frame by frame, from all kinds of frames.
#include "runtime/trace/native_walk.h"

#include <execinfo.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <functional>
#include <thread>
#include <vector>

#include "runtime/pal/guarded_copy.h"
#include "runtime/pal/modules.h"
#include "runtime/pal/registers.h"

namespace segwhy::runtime::trace {
namespace {

using Addresses = std::vector<uint64_t>;

struct Walks {
  Addresses ours, theirs;
  bool cut = false;
};
Walks walks;

// Both walks, from the caller of this function on.
__attribute__((noinline)) void take_walks() {
  const auto* const frame = static_cast<uintptr_t*>(__builtin_frame_address(0));
  NativeStack stack;
  walk_native({frame[1], reinterpret_cast<uintptr_t>(frame + 2), frame[0], false}, stack);
  walks = {{stack.pcs, stack.pcs + stack.count}, {}, stack.cut};
  std::array<void*, 128> theirs{};
  const int count = backtrace(theirs.data(), static_cast<int>(theirs.size()));
  bool below = true;  // backtrace() begins inside this function
  for (int i = 0; i < count; ++i) {
    const auto pc = reinterpret_cast<uint64_t>(theirs.at(static_cast<std::size_t>(i)));
    if (pc == frame[1]) below = false;
    if (!below) walks.theirs.push_back(pc);
  }
}

void expect_same_walks() {
  ASSERT_GE(walks.theirs.size(), 3u);
  const auto expected = std::min<std::size_t>(walks.theirs.size(), wire::kMaxNativeFrames);
  // glibc may add a last frame of its own making; what both have must agree.
  ASSERT_GE(walks.ours.size() + 1, expected);
  for (std::size_t i = 0; i < std::min(walks.ours.size(), expected); ++i) {
    EXPECT_EQ(walks.ours[i], walks.theirs[i]) << "frame " << i;
  }
}

__attribute__((noinline)) int recurse(int depth) {
  if (depth == 0) {
    take_walks();
    return 0;
  }
  const int result = recurse(depth - 1);
  asm volatile("" ::: "memory");
  return result + 1;
}

__attribute__((noinline)) void with_variable_frame(std::size_t size) {
  auto* const block = static_cast<char*>(__builtin_alloca(size));
  memset(block, 1, size);
  asm volatile("" ::"r"(block) : "memory");
  take_walks();
  asm volatile("" ::"r"(block) : "memory");
}

// Its stack is realigned: the CFA is found through rbp.
__attribute__((noinline)) void with_realigned_frame(std::size_t size) {
  alignas(64) std::array<char, 256> lanes{};
  auto* const block = static_cast<char*>(__builtin_alloca(size));
  asm volatile("" ::"r"(lanes.data()), "r"(block) : "memory");
  take_walks();
  asm volatile("" ::"r"(lanes.data()), "r"(block) : "memory");
}

class NativeWalk : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    pal::note_modules();
    std::array<void*, 4> warm{};
    backtrace(warm.data(), 4);  // loads libgcc_s
  }
  void TearDown() override { set_interpreter_function(0); }
};

TEST_F(NativeWalk, PlainFrames) {
  recurse(5);
  expect_same_walks();
  EXPECT_FALSE(walks.cut);
}

TEST_F(NativeWalk, ADeepStackIsCut) {
  recurse(100);
  expect_same_walks();
  EXPECT_EQ(walks.ours.size(), wire::kMaxNativeFrames);
  EXPECT_TRUE(walks.cut);
}

TEST_F(NativeWalk, FramesOfVariableSize) {
  for (const std::size_t size : {16u, 100u, 5000u}) {
    with_variable_frame(size);
    expect_same_walks();
  }
}

TEST_F(NativeWalk, RealignedFrames) {
  for (const std::size_t size : {16u, 100u, 5000u}) {
    with_realigned_frame(size);
    expect_same_walks();
  }
}

TEST_F(NativeWalk, ThroughTheCLibrary) {
  std::array<int, 3> numbers{3, 1, 2};
  qsort(numbers.data(), numbers.size(), sizeof(int), [](const void* a, const void* b) {
    take_walks();
    return *static_cast<const int*>(a) - *static_cast<const int*>(b);
  });
  expect_same_walks();
}

TEST_F(NativeWalk, OnAThreadToItsEnd) {
  std::thread([] { recurse(2); }).join();
  expect_same_walks();
  EXPECT_FALSE(walks.cut);
}

TEST_F(NativeWalk, ThroughAFunctionObject) {
  const std::function<void(int)> nested = [&nested](int depth) { depth == 0 ? take_walks() : nested(depth - 1); };
  nested(4);
  expect_same_walks();
}

TEST_F(NativeWalk, EndsAtTheInterpretersLoop) {
  // Rules are kept: a function whose rules are not known yet stands for the loop.
  struct Loop {
    __attribute__((noinline)) static void run() {
      with_variable_frame(32);
      asm volatile("" ::: "memory");
    }
  };
  set_interpreter_function(reinterpret_cast<uintptr_t>(&Loop::run));
  Loop::run();
  ASSERT_EQ(walks.ours.size(), 2u);
  EXPECT_EQ(walks.ours[1], walks.theirs[1]);
  EXPECT_FALSE(walks.cut);
}

// What the runtime's fault handler does, for the runtime is not loaded here.
class FaultsAreFixedUp {
 public:
  FaultsAreFixedUp() {
    struct sigaction action {};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = [](int, siginfo_t*, void* context) {
      if (!pal::fix_up_guarded_copy(*static_cast<ucontext_t*>(context))) _exit(99);
    };
    sigaction(SIGSEGV, &action, &before_);
  }
  FaultsAreFixedUp(const FaultsAreFixedUp&) = delete;
  FaultsAreFixedUp& operator=(const FaultsAreFixedUp&) = delete;
  ~FaultsAreFixedUp() { sigaction(SIGSEGV, &before_, nullptr); }

 private:
  struct sigaction before_ {};
};

TEST_F(NativeWalk, AStackThatCannotBeReadEndsTheWalk) {
  const FaultsAreFixedUp fix_up;
  const auto* const frame = static_cast<uintptr_t*>(__builtin_frame_address(0));
  NativeStack stack;
  walk_native({frame[1], 0x10000, 0x10008, false}, stack);
  EXPECT_EQ(stack.count, 1u);
  EXPECT_TRUE(stack.cut);
}

TEST_F(NativeWalk, WhatIsBehindNoCallIsNoCaller) {
  // A stack that leads into data, and one that leads to the start of a function.
  static std::array<uint64_t, 64> fake{};
  fake.fill(reinterpret_cast<uint64_t>(&fake));
  const auto* const frame = static_cast<uintptr_t*>(__builtin_frame_address(0));
  NativeStack stack;
  walk_native({frame[1], reinterpret_cast<uintptr_t>(fake.data()), reinterpret_cast<uintptr_t>(fake.data()), false},
              stack);
  EXPECT_EQ(stack.count, 1u);
  EXPECT_TRUE(stack.cut);
}

TEST_F(NativeWalk, CodeWithoutInformationIsTheLastFrame) {
  // sub rsp, 8; call rdi; add rsp, 8; ret: as generated code is, unknown to the loader.
  static constexpr std::array<uint8_t, 11> kCode = {0x48, 0x83, 0xec, 0x08, 0xff, 0xd7, 0x48, 0x83, 0xc4, 0x08, 0xc3};
  void* const page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  char* const code = static_cast<char*>(page) + 64;
  memcpy(code, kCode.data(), kCode.size());
  reinterpret_cast<void (*)(void (*)())>(code)(&take_walks);
  ASSERT_EQ(walks.ours.size(), 1u);
  EXPECT_EQ(walks.ours[0], reinterpret_cast<uint64_t>(code) + 6);
  EXPECT_TRUE(walks.cut);
  munmap(page, 4096);
}

TEST(GuardedLoad, ReadsOrRefuses) {
  const FaultsAreFixedUp fix_up;
  const uint64_t word = 0x1234567890abcdef;
  uint64_t out = 0;
  EXPECT_TRUE(pal::guarded_load(reinterpret_cast<uintptr_t>(&word), out));
  EXPECT_EQ(out, word);
  EXPECT_FALSE(pal::guarded_load(8, out));
  EXPECT_EQ(out, 0u);
  EXPECT_FALSE(pal::guarded_load(uintptr_t{1} << 62, out));
}

}  // namespace
}  // namespace segwhy::runtime::trace
