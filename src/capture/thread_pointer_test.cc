#include "capture/thread_pointer.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include "unit/fake_target.h"
#include "unit/own_process.h"

namespace segwhy {
namespace {

TEST(ThreadPointer, OfThisThreadIsWhatItselfSays) {
  test::OwnMemory memory;
  const auto found = find_thread_pointer(::gettid(), memory);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, reinterpret_cast<std::uint64_t>(::pthread_self()));
}

TEST(ThreadPointer, NeedsABlockThatPointsToItself) {
  test::FakeMemory memory;
  memory.put(test::kHeap, std::vector<std::uint8_t>(4096));
  EXPECT_FALSE(thread_block_before(test::kHeap + 2800, memory));
  memory.put_word(test::kHeap + 2048, test::kHeap + 2048);
  EXPECT_FALSE(thread_block_before(test::kHeap + 2800, memory)) << "one of the two pointers is no block";
  memory.put_word(test::kHeap + 2064, test::kHeap + 2048);
  EXPECT_EQ(thread_block_before(test::kHeap + 2800, memory), test::kHeap + 2048);
  EXPECT_FALSE(thread_block_before(8, memory));
}

TEST(ThreadPointer, TheBlockMayBeTheFirstThingMapped) {
  test::FakeMemory memory;
  memory.put(test::kHeap, std::vector<std::uint8_t>(4096));
  memory.put_word(test::kHeap + 512, test::kHeap + 512);
  memory.put_word(test::kHeap + 528, test::kHeap + 512);
  EXPECT_EQ(thread_block_before(test::kHeap + 1248, memory), test::kHeap + 512);
}

}  // namespace
}  // namespace segwhy
