#include "diagnose/misfits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <map>
#include <string>

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

using Attributes = std::map<std::string, std::string>;

std::vector<std::string> misfits(std::vector<TensorInfo> inputs, Address fault, std::uint64_t index_register = 0,
                                 Attributes attributes = {}) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({native("Gather::Compute")}).fault(fault, "read");
  b.instruction(
      "mov eax, [r8+r9*4]", "move",
      {.base = "r8", .base_value = kBuffer, .index = "r9", .index_value = index_register, .scale = 4, .width = 4});
  b.op("Gather", std::move(inputs));
  b.raw().framework->attributes = std::move(attributes);
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

// A long input of which the first 16 numbers are innocent.
TensorInfo long_indices(NumberRange range) {
  TensorInfo out = tensor("input 1", "int32", {4096}, "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, ...]");
  out.range = range;
  return out;
}

TEST(Misfits, AnIndexBehindTheFirstNumbers) {
  const NumberRange beyond{.least = 0, .most = 7000, .least_at = 0, .most_at = 3210, .looked_at = 4096};
  EXPECT_THAT(misfits({data({64, 4}, 1024), long_indices(beyond)}, kBuffer + 7000 * 16 + 4),
              ElementsAre(HasSubstr("7000 in input 1 is beyond dimension 0 of input 0")));
  EXPECT_THAT(misfits({data({64, 4}, 1024), long_indices(beyond)}, kBuffer + 7001 * 16), IsEmpty());
  const NumberRange inside{.least = 0, .most = 63, .least_at = 0, .most_at = 3210, .looked_at = 4096};
  EXPECT_THAT(misfits({data({64, 4}, 1024), long_indices(inside)}, kBuffer + 63 * 16), IsEmpty());
}

TEST(Misfits, AnIndexOfASparseTensorBehindTheFirstNumbers) {
  const auto sparse = [](std::uint64_t at) {
    TensorInfo indices = tensor("input 0", "int64", {100, 2}, "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 1, 2, 3, 4, 5, ...]");
    indices.range = NumberRange{.least = 0, .most = 12, .least_at = 0, .most_at = at, .looked_at = 200};
    return misfits({indices, tensor("input 1", "float32", {100}), tensor("input 2", "int64", {2}, "[10, 20]")}, 0x10);
  };
  EXPECT_THAT(sparse(50), ElementsAre(HasSubstr("index 12 in input 0 is beyond dimension 0 of the shape")));
  EXPECT_THAT(sparse(51), IsEmpty()) << "in the other column";
}

TEST(Misfits, RowSplits) {
  const auto ragged = [](std::string splits, std::int64_t count, Attributes attributes = {{"RAGGED_RANK", "1"}}) {
    return misfits({tensor("input 0", "int64", {count}, std::move(splits)), tensor("input 1", "int32", {10})}, 0x10, 0,
                   std::move(attributes));
  };
  EXPECT_THAT(ragged("[0, 4, 4, 10]", 4), IsEmpty());
  EXPECT_THAT(ragged("[0, 9, 4, 10]", 4), ElementsAre(HasSubstr("input 0 descends from 9 to 4 at element 2")));
  EXPECT_THAT(ragged("[0, 4, 11]", 3), ElementsAre(HasSubstr("input 0 ends at 11, and there are 10 rows")));
  EXPECT_THAT(ragged("[1, 4, 10]", 3), ElementsAre(HasSubstr("input 0 starts at 1 and not at 0")));
  EXPECT_THAT(ragged("[0, 1, 2, 3, ...]", 100), IsEmpty()) << "where they end is not known";
  EXPECT_THAT(ragged("[0, 9, 4]", 3, {}), IsEmpty()) << "nothing says that they are splits";
  EXPECT_THAT(ragged("[0, 9, 4]", 3, {{"RAGGED_RANK", "0"}}), IsEmpty());
  EXPECT_THAT(ragged("[0, 9, 4]", 3, {{"RAGGED_RANK", "2"}}), IsEmpty()) << "nothing is left to be split";
  EXPECT_THAT(ragged("[0, 9, 4]", 3, {{"OUTPUT_RAGGED_RANK", "1"}}), IsEmpty()) << "of what comes out";
  EXPECT_THAT(ragged("[0, 9, 4]", 3, {{"A_RAGGED_RANK", "1"}, {"B_RAGGED_RANK", "1"}}), IsEmpty()) << "which one?";
}

TEST(Misfits, RowSplitsOfAnOpThatAlwaysTakesThem) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({native("RaggedBincountOp::Compute")}).fault(0x7f0000000000, "read");
  b.op("RaggedBincount", {tensor("input 0", "int64", {2}, "[7, 20]"), tensor("input 1", "int32", {32}),
                          tensor("input 2", "int32", {}, "10"), tensor("input 3", "float32", {0})});
  const Verdict v = b.verdict();
  EXPECT_THAT(v.advice.front(), HasSubstr("as row splits of input 1, input 0 starts at 7 and not at 0"));
  EXPECT_THAT(all_text(v), testing::Not(HasSubstr("is empty"))) << "an op without weights is as it should be";
}

TEST(Misfits, RowSplitsOfRowSplits) {
  const auto nested = [](std::string outer, std::string inner) {
    return misfits({tensor("input 0", "int64", {3}, std::move(outer)),
                    tensor("input 1", "int64", {4}, std::move(inner)), tensor("input 2", "int64", {10})},
                   0x10, 0, {{"PARAMS_RAGGED_RANK", "2"}, {"OUTPUT_RAGGED_RANK", "1"}});
  };
  EXPECT_THAT(nested("[0, 1, 3]", "[0, 2, 5, 10]"), IsEmpty());
  EXPECT_THAT(nested("[0, 1, 4]", "[0, 2, 5, 10]"),
              ElementsAre(HasSubstr("As row splits of input 1, input 0 ends at 4")));
  EXPECT_THAT(nested("[0, 1, 3]", "[0, 2, 5, 9]"),
              ElementsAre(HasSubstr("As row splits of input 2, input 1 ends at 9")));
}

TEST(Misfits, RangesOfQuantisedValues) {
  const auto range = [](const char* name, const char* value) { return tensor(name, "float32", {}, value); };
  const TensorInfo values = tensor("input 0", "quint8", {4});
  EXPECT_THAT(misfits({values, range("input 1", "[0]"), range("input 2", "[6]")}, 0x10), IsEmpty());
  EXPECT_THAT(misfits({values, range("input 1", "[6]"), range("input 2", "[0]")}, 0x10),
              ElementsAre(HasSubstr("input 1 ([6]) is above input 2 ([0])")));
  const std::vector<TensorInfo> four = {values, range("input 1", "[1]"), range("input 2", "[6]"),
                                        range("input 3", "[2]"), range("input 4", "[3]")};
  EXPECT_THAT(misfits(four, 0x10), IsEmpty());
  EXPECT_THAT(misfits(four, 0x10, 0, {{"N", "2"}}), ElementsAre(HasSubstr("input 2 ([6]) is above input 4 ([3])")));
  const TensorInfo plain = tensor("input 0", "float32", {4}, "[1, 2, 3, 4]");
  EXPECT_THAT(misfits({plain, range("input 1", "[6]"), range("input 2", "[0]")}, 0x10), IsEmpty()) << "not quantised";
  EXPECT_THAT(misfits({values, range("input 1", "[6]")}, 0x10), IsEmpty()) << "one alone is no range";
  EXPECT_THAT(misfits({values, range("input 1", "[6]"), range("input 2", "[nan]")}, 0x10), IsEmpty());
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
