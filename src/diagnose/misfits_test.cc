#include "diagnose/misfits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "diagnose/testing/case_builder.h"

namespace segwhy {
namespace {

using namespace testing_support;  // NOLINT(google-build-using-namespace): a test's vocabulary
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Address kBuffer = 0x7f1200000000;

TensorInfo data(std::vector<std::int64_t> shape, std::uint64_t bytes) {
  TensorInfo out = tensor("input 0", "float32", std::move(shape));
  out.buffer = kBuffer;
  out.bytes = bytes;
  return out;
}

std::vector<std::string> misfits(std::vector<TensorInfo> inputs, Address fault, std::uint64_t index_register = 0) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({native("Gather::Compute")}).fault(fault, "read");
  b.instruction(
      "mov eax, [r8+r9*4]", "move",
      {.base = "r8", .base_value = kBuffer, .index = "r9", .index_value = index_register, .scale = 4, .width = 4});
  b.op("Gather", std::move(inputs));
  const Facts facts(b.raw());
  return input_misfits(facts);
}

TEST(Misfits, AnIndexThatLeadsToTheAddress) {
  // Row 7000 of rows of 16 bytes.
  const auto found =
      misfits({data({64, 4}, 1024), tensor("input 1", "int32", {2}, "[1, 7000]")}, kBuffer + 7000 * 16 + 4);
  EXPECT_THAT(found, ElementsAre(HasSubstr("7000 in input 1 is beyond dimension 0 of input 0 (shape [64, 4])")));
  const auto before = misfits({data({64, 4}, 1024), tensor("input 1", "int32", {2}, "[1, -3]")}, kBuffer - 3 * 16);
  EXPECT_THAT(before, ElementsAre(HasSubstr("-3 in input 1")));
}

TEST(Misfits, AnIndexThatLeadsElsewhereIsNotSuspect) {
  const auto inputs = {data({64, 4}, 1024), tensor("input 1", "int32", {2}, "[1, 7000]")};
  EXPECT_THAT(misfits(inputs, kBuffer + 7001 * 16), IsEmpty());
  EXPECT_THAT(misfits(inputs, 0x7f9900000000), IsEmpty());
  // Inside its dimension, it leads to memory of the input's own.
  EXPECT_THAT(misfits({data({64, 4}, 1024), tensor("input 1", "int32", {1}, "[63]")}, kBuffer + 63 * 16), IsEmpty());
  // A floating-point number is no index.
  EXPECT_THAT(misfits({data({64, 4}, 1024), tensor("input 1", "float32", {1}, "[7000]")}, kBuffer + 7000 * 16),
              IsEmpty());
}

TEST(Misfits, AnIndexInTheRegistersBeyondEveryDimension) {
  TensorInfo unknown = tensor("input 0", "float32", {64, 4});
  EXPECT_THAT(misfits({unknown, tensor("input 1", "int64", {1}, "[7000]")}, 0x7f9900000000, 7000),
              ElementsAre(HasSubstr("beyond every dimension of the other inputs (the largest is 64)")));
  EXPECT_THAT(misfits({unknown, tensor("input 1", "int64", {1}, "[63]")}, 0x7f9900000000, 63), IsEmpty());
  EXPECT_THAT(misfits({unknown, tensor("input 1", "int64", {1}, "[7000]")}, 0x7f9900000000, 7001), IsEmpty());
}

TEST(Misfits, PartsOfASparseTensorThatDisagree) {
  const auto sparse = [](std::vector<std::int64_t> indices, std::int64_t values, std::string shape) {
    return std::vector<TensorInfo>{tensor("input 0", "int64", std::move(indices), "[0, 0, 2, 9]"),
                                   tensor("input 1", "int64", {values}),
                                   tensor("input 2", "int64", {2}, std::move(shape))};
  };
  EXPECT_THAT(misfits(sparse({2, 2}, 2, "[3, 10]"), 0x10), IsEmpty());
  EXPECT_THAT(misfits(sparse({2, 2}, 8, "[3, 10]"), 0x10),
              ElementsAre(HasSubstr("2 indices and input 1 has 8 values")));
  EXPECT_THAT(misfits(sparse({2, 2}, 2, "[3, 3]"), 0x10),
              ElementsAre(HasSubstr("index 9 in input 0 is beyond dimension 1 of the shape in input 2")));
  EXPECT_THAT(misfits(sparse({4, 1}, 4, "[3, 3]"), 0x10), ElementsAre(HasSubstr("have 1 columns")));
}

TEST(Misfits, OnlyOfMemoryFaults) {
  CaseBuilder b;
  b.abort().crashed({libc("abort"), native("Gather::Compute")});
  b.op("Gather",
       {tensor("input 0", "int64", {2, 2}), tensor("input 1", "int64", {8}), tensor("input 2", "int64", {2})});
  const Facts facts(b.raw());
  EXPECT_THAT(input_misfits(facts), IsEmpty());
}

TEST(Misfits, NumbersThatDoNotFitAreNoIndices) {
  EXPECT_THAT(
      misfits({data({64, 4}, 1024), tensor("input 1", "int64", {2}, "[9223372036854775807, -9223372036854775808]")},
              kBuffer - 8),
      IsEmpty());
  EXPECT_THAT(misfits({data({0, 4}, 0), data({64, 4}, 1023), tensor("input 1", "int64", {1}, "[5]")}, kBuffer),
              IsEmpty());
}

}  // namespace
}  // namespace segwhy
