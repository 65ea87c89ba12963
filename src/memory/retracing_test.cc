#include "memory/retracing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "history/fake_recorder.h"
#include "memory/process_account.h"

namespace segwhy::memory {
namespace {

using history::FakeRecorder;

Trace trace(std::vector<SignaturePart> signature, bool other_object = false) {
  return {0, 0, 0, other_object, std::move(signature)};
}

TEST(DifferencesOf, NumbersShapesTypesAndObjects) {
  const Trace before = trace({{"x", 'T', "float32(3,)"}, {"rate", 'N', "0.1"}, {"f", 'O', "function 7f00"}});
  EXPECT_TRUE(differences_of(before, before).empty()) << "nothing that is known";
  Trace after = before;
  after.signature[1].text = "0.2";
  auto differences = differences_of(before, after);
  ASSERT_EQ(differences.size(), 1U);
  EXPECT_EQ(differences[0].kind, "number");
  EXPECT_EQ(differences[0].argument, "rate");
  EXPECT_EQ(differences[0].before, "0.1");
  EXPECT_EQ(differences[0].after, "0.2");
  after = before;
  after.signature[0].text = "float32(4,)";
  EXPECT_EQ(differences_of(before, after).at(0).kind, "shape");
  after.signature[0].text = "float64(3,)";
  EXPECT_EQ(differences_of(before, after).at(0).kind, "dtype");
  after = before;
  after.signature[2].text = "function 7f88";
  differences = differences_of(before, after);
  ASSERT_EQ(differences.size(), 1U);
  EXPECT_EQ(differences[0].kind, "object");
  EXPECT_EQ(differences[0].after, "function") << "an address says nothing";
  after.signature[2].text = "Model 7f88";
  EXPECT_EQ(differences_of(before, after).at(0).kind, "type");
  after = before;
  after.signature.pop_back();
  EXPECT_EQ(differences_of(before, after).at(0).kind, "arguments");
}

TEST(DifferencesOf, AnotherFunctionObjectIsWhyItWasTraced) {
  const Trace before = trace({{"rate", 'N', "0.1"}});
  const auto differences = differences_of(before, trace({{"rate", 'N', "0.2"}}, true));
  ASSERT_EQ(differences.size(), 1U);
  EXPECT_EQ(differences[0].kind, "function");
}

// A recorder with one function at /home/user/train.py:3 that is called at line 12.
class Recorded : public testing::Test {
 protected:
  Recorded() {
    recorder_.sites(1 << 20, 1);
    table_.functions = 1;
    table_.function_records[0].code = recorder_.stack("train.py", 3);
    call_ = recorder_.stack("train.py", 12);
  }

  // At `second` of the run, which is looked at when ten seconds have passed.
  void add(std::uint64_t second, const std::string& signature, std::uint16_t flags = 0) {
    wire::TraceRecord record{};
    record.stack = call_;
    record.ticks = 1000 + second * FakeRecorder::kTicksPerSecond;
    record.flags = flags;
    record.signature_bytes = static_cast<std::uint16_t>(signature.size());
    std::copy(signature.begin(), signature.end(), record.signature);
    recorder_.put(wire::kSectionTraces, sizeof(wire::TraceTable) + table_.traces * sizeof record, record);
    ++table_.traces;
    ++table_.function_records[0].traces;
  }

  std::vector<TracedFunction> told() {
    recorder_.put(wire::kSectionTraces, 0, table_);
    auto account = ProcessAccount::open(recorder_.query());
    if (!account || !account->look(10)) return {};
    return account->use(recorder_.query().now, {}).retracing;
  }

  FakeRecorder recorder_;
  wire::TraceTable table_{};
  std::uint32_t call_ = 0;
};

TEST_F(Recorded, FunctionCallAndWhatDiffered) {
  for (std::uint64_t i = 0; i < 9; ++i) add(i, "x\tT\tfloat32(3,)\nrate\tN\t" + std::to_string(i) + "\n");
  const auto functions = told();
  ASSERT_EQ(functions.size(), 1U);
  EXPECT_EQ(functions[0].file, "/home/user/train.py");
  EXPECT_EQ(functions[0].line, 3);
  EXPECT_EQ(functions[0].call_line, 12);
  EXPECT_FALSE(functions[0].library);
  EXPECT_EQ(functions[0].traces, 9U);
  EXPECT_EQ(functions[0].compared, 8U);
  EXPECT_EQ(functions[0].late, 2U) << "those of second 7 and 8, of 10";
  EXPECT_NEAR(functions[0].last_s, 8, 1e-6);
  ASSERT_EQ(functions[0].differences.size(), 1U);
  EXPECT_EQ(functions[0].differences[0].kind, "number");
  EXPECT_EQ(functions[0].differences[0].count, 8U);
  EXPECT_EQ(functions[0].differences[0].after, "8");
}

TEST_F(Recorded, OneTraceIsNoRetracing) {
  add(1, "x\tT\tfloat32(3,)\n");
  EXPECT_TRUE(told().empty());
}

TEST_F(Recorded, WhatFoundNoRoomCountsAsLate) {
  add(1, "");
  add(2, "");
  table_.function_records[0].traces = 50;
  const auto functions = told();
  ASSERT_EQ(functions.size(), 1U);
  EXPECT_EQ(functions[0].traces, 50U);
  EXPECT_EQ(functions[0].late, 48U);
}

TEST_F(Recorded, HostileTables) {
  add(1, "no tab\n\n\t\t\t\n");
  add(2, std::string(200, '\xff'));
  wire::TraceRecord record{};
  record.function = 4'000'000'000;
  record.signature_bytes = 0xffff;
  recorder_.put(wire::kSectionTraces, sizeof(wire::TraceTable) + 2 * sizeof record, record);
  table_.traces = 0xffffffff;
  table_.functions = 0xffffffff;
  EXPECT_LE(told().size(), 1U);
}

}  // namespace
}  // namespace segwhy::memory
