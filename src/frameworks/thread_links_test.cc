#include "frameworks/thread_links.h"

#include <gtest/gtest.h>

#include "frameworks/tensorflow/fake_tensorflow.h"

namespace segwhy {
namespace {

class ThreadLinksTest : public testing::Test {
 protected:
  std::vector<ThreadLink> links() {
    TargetView view(fake.snapshot);
    return find_thread_links(fake.snapshot, fake.threads, view, 1);
  }
  tensorflow::FakeTensorFlow fake{"2.8.0"};
  std::size_t worker = fake.add_thread(1, true);
  std::size_t idle = fake.add_thread(2, false);
  std::size_t submitter = fake.add_thread(3, false);
};

TEST_F(ThreadLinksTest, NoneWithoutPointers) {
  EXPECT_TRUE(links().empty());
}

TEST_F(ThreadLinksTest, APointerIntoALiveStackLinks) {
  fake.memory.put_word(fake.sp(worker) + 8, fake.sp(submitter) + 32);
  const auto found = links();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].tid, 3);
  EXPECT_EQ(found[0].direct, 1U);
}

TEST_F(ThreadLinksTest, APointerBelowTheStackPointerDoesNot) {
  fake.memory.put_word(fake.sp(worker) + 8, fake.sp(submitter) - 32);
  EXPECT_TRUE(links().empty());
}

TEST_F(ThreadLinksTest, AHeapLambdasCapturesLink) {
  const std::uint64_t lambda = fake.heap(32);
  fake.memory.put_word(lambda + 16, fake.sp(submitter) + 64);
  fake.memory.put_word(fake.sp(worker), lambda);
  const auto found = links();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].indirect, 1U);
}

TEST_F(ThreadLinksTest, TheFunctionALambdaBelongsToWeighsMost) {
  for (int i = 0; i < 8; ++i) fake.memory.put_word(fake.sp(worker) + 8 * static_cast<unsigned>(i), fake.sp(idle) + 32);
  fake.memory.put_word(fake.sp(worker) + 128, fake.sp(submitter) + 32);
  fake.add_frame(worker, 0x1000, "work(int)::{lambda(long, long)#1}::operator()(long, long) const");
  fake.add_frame(submitter, 0x1000, "work(int)");
  const auto found = links();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].tid, 3);
  EXPECT_TRUE(found[0].runs_lambda_of);
}

// Every submitter is in the pool's own functions.
TEST_F(ThreadLinksTest, ThePoolsOwnLambdasLinkNobody) {
  const std::string pool = "Eigen::ThreadPoolDevice::parallelFor(long) const";
  fake.add_frame(worker, 0x1000, pool + "::{lambda(long, long)#1}::operator()(long, long) const");
  fake.add_frame(submitter, 0x1000, pool);
  EXPECT_TRUE(links().empty());
}

}  // namespace
}  // namespace segwhy
