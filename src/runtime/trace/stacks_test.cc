// Interning: equal stacks share an id, different ones do not, and what is stored is what was there.
#include "runtime/trace/stacks.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

namespace segwhy::runtime::trace {
namespace {

// As the exported malloc does it.
__attribute__((noinline)) std::uint32_t interned() {
  const std::uint32_t id = intern_stack(__builtin_return_address(0), __builtin_frame_address(0));
  asm volatile("" ::: "memory");
  return id;
}

__attribute__((noinline)) std::uint32_t one_caller() {
  const std::uint32_t id = interned();
  asm volatile("" ::: "memory");
  return id;
}
__attribute__((noinline)) std::uint32_t at_depth(int depth) {
  const std::uint32_t id = depth == 0 ? interned() : at_depth(depth - 1);
  asm volatile("" ::: "memory");
  return id;
}

class Stacks : public testing::Test {
 protected:
  Stacks() {
    section_ = static_cast<wire::StackSection*>(mmap(nullptr, sizeof(wire::StackSection), PROT_READ | PROT_WRITE,
                                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    find_python();
    use_stacks(section_);
  }
  ~Stacks() override {
    use_stacks(nullptr);
    munmap(section_, sizeof(wire::StackSection));
  }
  [[nodiscard]] const wire::StackRecord& record(std::uint32_t id) const {
    return *reinterpret_cast<const wire::StackRecord*>(section_->words + id);
  }
  wire::StackSection* section_;
};

TEST_F(Stacks, TheSameStackHasOneId) {
  std::set<std::uint32_t> ids;
  for (int i = 0; i < 100; ++i) ids.insert(one_caller());
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_NE(*ids.begin(), 0u);
  EXPECT_EQ(section_->stacks, 1u);
}

TEST_F(Stacks, CallersAndDepthsAreToldApart) {
  const std::uint32_t here = one_caller(), there = one_caller();
  EXPECT_NE(here, there);
  EXPECT_NE(at_depth(3), at_depth(4));
}

TEST_F(Stacks, ARecordHoldsTheFrames) {
  const std::uint32_t id = at_depth(2);
  const wire::StackRecord& stored = record(id);
  ASSERT_GE(stored.native, 4u);
  EXPECT_EQ(stored.python, 0u);
  const std::uint64_t* const pcs = section_->words + id + sizeof(wire::StackRecord) / 8;
  EXPECT_EQ(pcs[1], pcs[2]);  // the recursion returns to one place
  EXPECT_NE(pcs[0], pcs[3]);
}

TEST_F(Stacks, WithoutASectionNothingIsKnown) {
  use_stacks(nullptr);
  EXPECT_EQ(one_caller(), 0u);
}

TEST_F(Stacks, AFullSectionKeepsWhatItHas) {
  const std::uint32_t before = at_depth(1);
  section_->used = wire::kStackWords - 1;
  EXPECT_EQ(at_depth(1), 0u) << "another call site";
  EXPECT_EQ(section_->lost, 1u);
  EXPECT_LT(section_->used, wire::kStackWords + 64u);
  EXPECT_NE(record(before).hash, 0u);
}

TEST_F(Stacks, AFrameThatIsNoneGivesTheCallerAlone) {
  const std::uint64_t elsewhere[2] = {0, 0};
  const std::uint32_t id = intern_stack(__builtin_return_address(0), elsewhere);
  ASSERT_NE(id, 0u);
  EXPECT_EQ(record(id).native, 1u);
  EXPECT_NE(record(id).flags & wire::kStackNativeCut, 0);
}

TEST_F(Stacks, ThreadsThatMeetGetTheSameIds) {
  constexpr int kThreads = 4, kDepths = 12;
  std::vector<std::vector<std::uint32_t>> seen(kThreads);
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (auto& mine : seen) {
    threads.emplace_back([&mine, &ready] {
      ++ready;
      while (ready < kThreads) std::this_thread::yield();
      for (int i = 0; i < 50; ++i)
        for (int depth = 0; depth < kDepths; ++depth) mine.push_back(at_depth(depth));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& mine : seen) EXPECT_EQ(mine, seen.front());
  EXPECT_EQ(section_->stacks, static_cast<std::uint32_t>(kDepths));
}

}  // namespace
}  // namespace segwhy::runtime::trace
