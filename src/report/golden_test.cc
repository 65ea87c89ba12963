// Byte-exact reports of the cases in tests/golden/; its README.md says how to update them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/file.h"
#include "evidence/model/case_json.h"
#include "report/report.h"

namespace segwhy {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

fs::path golden_directory() {
  return fs::path(SEGWHY_TEST_DATA) / ".." / ".." / "tests" / "golden";
}

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(golden_directory())) {
    if (entry.path().extension() == ".case") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string contents(const fs::path& path) {
  const Result<std::string> text = read_file(path);
  EXPECT_TRUE(text) << path;
  return text.value_or("");
}

Confidence confidence_of(const std::string& name) {
  for (const Confidence c : {Confidence::kPossible, Confidence::kLikely}) {
    if (name == to_string(c)) return c;
  }
  return Confidence::kCertain;
}

// The verdict of a golden case, in the form of the incident's own "verdict" and "where".
Verdict read_verdict(const fs::path& path) {
  const Json json = Json::parse(contents(path));
  const Json& v = json.at("verdict");
  Verdict out;
  out.verdict_class = v.at("class");
  out.confidence = confidence_of(v.at("confidence"));
  out.summary = v.at("summary");
  out.evidence = v.value("evidence", out.evidence);
  out.advice = v.value("advice", out.advice);
  out.factors = v.value("factors", out.factors);
  out.experiments = v.value("experiments", out.experiments);
  for (const Json& a : v.value("alternatives", Json::array())) {
    out.alternatives.push_back({a.at("class"), a.value("reason", "")});
  }
  if (const auto where = json.find("where"); where != json.end()) {
    SourceLine& line = out.where.emplace();
    line.file = where->at("file");
    line.line = where->at("line").get<int>();
    line.function = where->value("function", "");
    line.source = where->value("source", "");
  }
  return out;
}

std::string test_name(const testing::TestParamInfo<std::string>& golden) {
  std::string name = golden.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class Golden : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const Result<Case> read = case_from_json(contents(path(".case")));
    ASSERT_TRUE(read) << read.error().what;
    case_ = *read;
    verdict_ = read_verdict(path(".verdict.json"));
  }

  [[nodiscard]] static fs::path path(const char* extension) { return golden_directory() / (GetParam() + extension); }

  static void compare(const std::string& got, const char* extension) {
    if (std::getenv("SEGWHY_UPDATE_GOLDEN")) {
      ASSERT_TRUE(write_file_atomic(path(extension), got, 0644));
      return;
    }
    EXPECT_EQ(got, contents(path(extension))) << "see tests/golden/README.md";
  }

  Case case_;
  Verdict verdict_;
};

TEST_P(Golden, Text) {
  compare(render_text(case_, verdict_, {.height = 32, .case_path = "segwhy-" + GetParam() + ".case"}), ".txt");
}

TEST_P(Golden, SmallPlainTerminal) {
  compare(render_text(case_, verdict_, {.unicode = false, .width = 72, .height = 18}), ".small.txt");
}

TEST_P(Golden, Verbose) {
  compare(render_text(case_, verdict_, {.verbose = true}), ".verbose.txt");
}

TEST_P(Golden, Json) {
  compare(render_json(case_, verdict_), ".json");
}

INSTANTIATE_TEST_SUITE_P(Cases, Golden, testing::ValuesIn(golden_names()), test_name);

}  // namespace
}  // namespace segwhy
