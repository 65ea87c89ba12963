#include "diagnose/messages/check.h"

#include <gtest/gtest.h>

namespace segwhy::text {
namespace {

std::optional<CheckFailure> parse(std::string_view text) {
  return find_check_failure(lines_of(text));
}

TEST(Check, TensorFlowComparisonWithDetail) {
  const auto found = parse(
      "2021-05-14 10:00:00.123456: F tensorflow/core/framework/tensor_shape.cc:44] Check failed: NDIMS == dims() (1 "
      "vs. "
      "2)Asking for tensor of 1 dimensions from a tensor of 2 dimensions\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->file, "tensorflow/core/framework/tensor_shape.cc");
  EXPECT_EQ(found->line, 44);
  EXPECT_EQ(found->expression, "NDIMS == dims()");
  EXPECT_EQ(found->left, "1");
  EXPECT_EQ(found->right, "2");
  EXPECT_EQ(found->detail, "Asking for tensor of 1 dimensions from a tensor of 2 dimensions");
}

TEST(Check, ValuesMayBeWords) {
  const auto found = parse(
      "F tensorflow/core/framework/tensor_shape.cc:346] Check failed: ndims_byte() < MaxDimensions() (unsigned char "
      "value "
      "254 vs. 254)Too many dimensions in tensor");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->expression, "ndims_byte() < MaxDimensions()");
  EXPECT_EQ(found->left, "unsigned char value 254");
  EXPECT_EQ(found->right, "254");
}

TEST(Check, ConditionWithoutValuesKeepsItsWords) {
  const auto found = parse(
      "F tensorflow/core/kernels/maxpooling_op.cc:1015] Check failed: grad_out_index >= output_start && grad_out_index "
      "< "
      "output_end Invalid output gradient index: 140522750861520, 0, 3");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->line, 1015);
  EXPECT_TRUE(found->expression.starts_with("grad_out_index >= output_start"));
  EXPECT_TRUE(found->left.empty());
}

TEST(Check, AbseilAndGlogPrefixes) {
  const auto abseil = parse(
      "F0000 00:00:1732290000.123456   12345 tensor.h:844] Check failed: new_num_elements == NumElements() (2 vs. 1) ");
  ASSERT_TRUE(abseil);
  EXPECT_EQ(abseil->file, "tensor.h");
  EXPECT_EQ(abseil->line, 844);
  const auto glog = parse("F1122 16:43:16.242039 12345 ProcessGroupNCCL.cpp:830] Check failed: rank >= 0 ");
  ASSERT_TRUE(glog);
  EXPECT_EQ(glog->file, "ProcessGroupNCCL.cpp");
  EXPECT_EQ(glog->expression, "rank >= 0");
}

TEST(Check, ArrowAndPyTorch) {
  const auto arrow =
      parse("/arrow/cpp/src/arrow/array/data.cc:153:  Check failed: (off) <= (length) Slice offset greater");
  ASSERT_TRUE(arrow);
  EXPECT_EQ(arrow->file, "/arrow/cpp/src/arrow/array/data.cc");
  EXPECT_EQ(arrow->line, 153);
  const auto torch = parse("[F tensor.cpp:12] something is off");
  ASSERT_TRUE(torch);
  EXPECT_EQ(torch->expression, "");
  EXPECT_EQ(torch->detail, "something is off");
}

TEST(Check, FatalLogLineWithoutACheck) {
  const auto found = parse("2023-01-01 00:00:00.000000: F ./tensorflow/core/util/tensor_format.h:427] bad format\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->detail, "bad format");
  EXPECT_EQ(found->line, 427);
}

TEST(Check, TheLastOneCountsAndStackTracesBehindItDoNotHide) {
  const auto found = parse(
      "F a.cc:1] Check failed: first\nF b.cc:2] Check failed: second == x (1 vs. 2) \n*** Check failure stack trace: "
      "***\n"
      "    @     0x7f0 absl::log_internal::LogMessage::Die()\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->expression, "second == x");
}

TEST(Check, OtherLogLevelsAndTimesAreNotFatal) {
  EXPECT_FALSE(
      parse("2021-05-14 10:00:00.123456: W tensorflow/core/framework/cpu_allocator_impl.cc:80] Allocation of 1"));
  EXPECT_FALSE(parse("I0000 00:00:1732290000.123456 cpu_feature_guard.cc:210] This binary is optimized"));
  EXPECT_FALSE(parse("File \"F.py\", line 12] weird"));
  EXPECT_FALSE(parse(""));
}

}  // namespace
}  // namespace segwhy::text
