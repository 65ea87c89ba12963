#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "report/report.h"

namespace segwhy {
namespace {

using Json = nlohmann::json;

Json render(const Case& c, const Verdict& v = {}) {
  return Json::parse(render_json(c, v));
}

Verdict null_pointer() {
  Verdict v;
  v.verdict_class = "null-pointer";
  v.confidence = Confidence::kLikely;
  v.summary = "read through a null pointer";
  v.alternatives = {{"wild-pointer", "if the pointer was never null"}};
  v.where = SourceLine{"/x/train.py", 12, "main", "  f(x)"};
  return v;
}

TEST(RenderJson, AnEmptyCaseHasTheListsAndNothingMadeUp) {
  const Json json = render(Case{});
  EXPECT_EQ(json["schema"], "segwhy.incident/1");
  EXPECT_EQ(json["verdict"]["evidence"], Json::array());
  EXPECT_EQ(json["program"]["argv"], Json::array());
  EXPECT_EQ(json["program"]["packages"], Json::object());
  EXPECT_EQ(json["threads"], Json::array());
  for (const char* unknown : {"where", "framework", "block", "fault"}) EXPECT_FALSE(json.contains(unknown)) << unknown;
  EXPECT_FALSE(json["program"].contains("pid"));
  EXPECT_FALSE(json["timing"].contains("capture_ms")) << "nothing was captured";
}

TEST(RenderJson, TheVerdictIsWhole) {
  const Json verdict = render(Case{}, null_pointer())["verdict"];
  EXPECT_EQ(verdict["class"], "null-pointer");
  EXPECT_EQ(verdict["confidence"], "likely");
  EXPECT_EQ(verdict["alternatives"],
            Json::parse(R"([{"class": "wild-pointer", "reason": "if the pointer was never null"}])"));
  EXPECT_EQ(render(Case{}, null_pointer())["where"]["line"], 12);
}

TEST(RenderJson, SignalsHaveNumberAndName) {
  Case c;
  c.death.kind = "signal";
  c.death.signal = 11;
  EXPECT_EQ(render(c)["death"],
            Json::parse(R"({"kind": "signal", "signal": 11, "signal_name": "SIGSEGV", "dumped_core": false})"));
}

TEST(RenderJson, FramesKeepWhatReadersNeedAndNoRawMaterial) {
  Case c;
  Thread& t = c.threads.emplace_back();
  t.tid = 7;
  PythonFrame& f = t.python.emplace_back();
  f.function = "main";
  f.constants = {"secret"};
  const Json thread = render(c)["threads"][0];
  EXPECT_EQ(thread["python"][0]["function"], "main");
  EXPECT_FALSE(thread["python"][0].contains("constants"));
  EXPECT_FALSE(thread["python"][0].contains("line"));
  EXPECT_EQ(thread["native"], Json::array());
}

TEST(RenderJson, AnyBytesGiveValidJson) {
  Case c;
  c.messages.stderr_tail = std::string("\xFF\x00\x1b[0m\xE2\x82", 7);
  c.program.packages["\xC0\xAF"] = "1\n2";
  Verdict v = null_pointer();
  v.summary = "\x80";
  const Json json = render(c, v);
  EXPECT_EQ(json["verdict"]["summary"], "\xEF\xBF\xBD");
}

TEST(RenderJson, NumbersThatAreNoneAreLeftOut) {
  Case c;
  c.program.age_s = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(render(c)["program"].contains("age_s"));
}

TEST(RenderJson, AddressesKeepAll64Bits) {
  Case c;
  c.fault.emplace();
  c.fault->address = 0xFFFFFFFFFFFFFFF8;
  EXPECT_EQ(render(c)["fault"]["address"].get<std::uint64_t>(), 0xFFFFFFFFFFFFFFF8U);
  EXPECT_FALSE(render(c)["fault"].contains("width")) << "zero means not known";
}

TEST(RenderJson, MemoryIsApartFromTheMachine) {
  Case c;
  c.machine.peak_rss = 4096;
  c.machine.kernel = "6.1.0";
  MemorySample& sample = c.machine.samples.emplace_back();
  sample.at_s = 1.0;
  sample.rss = 4096;
  const Json json = render(c);
  EXPECT_EQ(json["memory"]["peak_rss"], 4096);
  EXPECT_EQ(json["memory"]["samples"].size(), 1U);
  EXPECT_EQ(json["machine"]["kernel"], "6.1.0");
  EXPECT_FALSE(json["machine"].contains("peak_rss"));
}

}  // namespace
}  // namespace segwhy
