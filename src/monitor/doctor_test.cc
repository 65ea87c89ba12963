#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "monitor/doctor_checks.h"
#include "monitor/version_range.h"

namespace segwhy {
namespace {

using testing::HasSubstr;

// The worst status among the checks called `id`, with their texts; fails the test when there is none.
Check worst(const DoctorFacts& facts, const std::string& id) {
  Check out;
  bool found = false;
  for (const Check& check : run_doctor_checks(facts)) {
    if (check.id != id) continue;
    if (!found || check.status > out.status) out = check;
    found = true;
  }
  EXPECT_TRUE(found) << id;
  return out;
}

DoctorFacts with_python() {
  DoctorFacts facts;
  facts.cpu_flags = {"sse4_2", "avx", "avx2", "fma"};
  PythonFacts& python = facts.python.emplace();
  python.version = "3.11.7";
  python.executable = "/usr/bin/python3.11";
  return facts;
}

TEST(VersionRange, ComparesNumbersNotText) {
  EXPECT_EQ(version_in_range("1.10.0", ">=1.9"), true);
  EXPECT_EQ(version_in_range("1.26.4", "<2.0,>=1.17"), true);
  EXPECT_EQ(version_in_range("2.1", "<2.0,>=1.17"), false);
  EXPECT_EQ(version_in_range("2", "==2.0.0"), true);
  EXPECT_EQ(version_in_range("1.19.5", "~=1.19.2"), true);
  EXPECT_EQ(version_in_range("1.20.0", "~=1.19.2"), false);
  EXPECT_EQ(version_in_range("1.19.5", "==1.19.*"), true);
  EXPECT_EQ(version_in_range("1.20", "!=1.19.*"), true);
  EXPECT_EQ(version_in_range("2.0.0rc1", ">=2"), true);
  EXPECT_EQ(version_in_range("1.0", ""), true);
}

TEST(VersionRange, WhatItCannotJudgeItSaysSo) {
  EXPECT_EQ(version_in_range("abc", "<2"), std::nullopt);
  EXPECT_EQ(version_in_range("1.0", "===1.0"), std::nullopt);
  EXPECT_EQ(version_in_range("1.0", "<"), std::nullopt);
  EXPECT_EQ(version_in_range("1.0", "2.0"), std::nullopt);
}

TEST(OpenmpKind, KnowsTheRuntimesByTheirFileNames) {
  EXPECT_EQ(openmp_kind("libgomp-a34b3233.so.1.0.0"), "libgomp");
  EXPECT_EQ(openmp_kind("libiomp5.so"), "libiomp5");
  EXPECT_EQ(openmp_kind("libomp.so"), "libomp");
  EXPECT_EQ(openmp_kind("libompi.so"), "") << "another library";
  EXPECT_EQ(openmp_kind("libgomp"), "");
}

TEST(AddDistribution, ReadsNameVersionAndUnconditionalRequirements) {
  PythonFacts facts;
  add_distribution(
      "Metadata-Version: 2.1\nName: Scikit_Learn\nVersion: 1.2.0\nRequires-Dist: numpy (<2.0,>=1.17.3)\n"
      "Requires-Dist: pytest>=5 ; extra == \"tests\"\nRequires-Dist: ml_dtypes~=0.2\n\nName: not this\n",
      facts);
  EXPECT_EQ(facts.distributions.at("scikit-learn"), "1.2.0");
  ASSERT_EQ(facts.requirements.size(), 2U);
  EXPECT_EQ(facts.requirements[0].name, "numpy");
  EXPECT_EQ(facts.requirements[0].specifier, "<2.0,>=1.17.3");
  EXPECT_EQ(facts.requirements[1].name, "ml-dtypes");
}

TEST(AddDistribution, WithoutANameNothingIsAdded) {
  PythonFacts facts;
  add_distribution("Version: 1\n\nName: x\n", facts);
  EXPECT_TRUE(facts.distributions.empty());
}

TEST(Doctor, WhatIsNotKnownGivesNoCheckOfAMachine) {
  for (const Check& check : run_doctor_checks(DoctorFacts{})) EXPECT_EQ(check.status, CheckStatus::kOk) << check.id;
}

TEST(Doctor, AMissingCpuFeatureFailsOnlyForPackagesThatNeedIt) {
  DoctorFacts facts = with_python();
  facts.cpu_flags = {"sse4_2"};
  facts.python->distributions = {{"requests", "2.0"}};
  EXPECT_THAT(run_doctor_checks(facts), testing::Not(testing::Contains(testing::Field(&Check::id, "cpu-features"))));
  facts.python->distributions["tensorflow"] = "2.8.0";
  EXPECT_EQ(worst(facts, "cpu-features").status, CheckStatus::kFail);
  EXPECT_THAT(worst(facts, "cpu-features").summary, HasSubstr("AVX"));
}

TEST(Doctor, RefusedPtraceNamesTheRemedyThatFits) {
  DoctorFacts facts;
  facts.capture.ptrace_error = "Operation not permitted";
  facts.seccomp_mode = 2;
  EXPECT_THAT(worst(facts, "capture").advice, HasSubstr("SYS_PTRACE"));
  facts.yama_scope = 3;
  EXPECT_THAT(worst(facts, "capture").advice, HasSubstr("yama"));
}

TEST(Doctor, SmallLimitsWarn) {
  DoctorFacts facts;
  facts.machine.limits["stack"] = {256 * 1024, {}};
  facts.machine.limits["nofile"] = {64, {}};
  facts.machine.limits["as"] = {std::uint64_t{4} << 30, {}};
  facts.machine.limits["nproc"] = {100, {}};
  facts.machine.user_threads = 90;
  for (const char* id : {"stack", "files", "address-space", "threads"})
    EXPECT_EQ(worst(facts, id).status, CheckStatus::kWarn) << id;
}

TEST(Doctor, UsualLimitsAreFine) {
  DoctorFacts facts;
  facts.machine.limits["stack"] = {std::uint64_t{8} << 20, {}};
  facts.machine.limits["nofile"] = {1024, {}};
  facts.machine.limits["nproc"] = {};
  facts.machine.user_threads = 90;
  facts.machine.mappings_max = 65530;
  facts.machine.overcommit = 0;
  for (const Check& check : run_doctor_checks(facts)) EXPECT_EQ(check.status, CheckStatus::kOk) << check.id;
}

TEST(Doctor, ContainersWithTheDefaultSharedMemoryAreWarnedAbout) {
  DoctorFacts facts;
  facts.machine.shm_total = facts.machine.shm_free = std::uint64_t{64} << 20;
  EXPECT_EQ(worst(facts, "shared-memory").status, CheckStatus::kWarn);
  facts.machine.shm_total = facts.machine.shm_free = std::uint64_t{8} << 30;
  EXPECT_EQ(worst(facts, "shared-memory").status, CheckStatus::kOk);
}

TEST(Doctor, ACgroupNearItsLimitWarns) {
  DoctorFacts facts;
  facts.machine.cgroup.emplace();
  facts.machine.cgroup->memory_limit = 1000;
  facts.machine.cgroup->memory_current = 950;
  EXPECT_EQ(worst(facts, "memory").status, CheckStatus::kWarn);
  facts.machine.cgroup->memory_current = 500;
  EXPECT_EQ(worst(facts, "memory").status, CheckStatus::kOk);
}

TEST(Doctor, VariablesThatChangeTheProgramAreNamed) {
  DoctorFacts facts;
  facts.environment["OPENBLAS_CORETYPE"] = "Bulldozer";
  EXPECT_EQ(worst(facts, "environment").status, CheckStatus::kWarn);
  EXPECT_THAT(worst(facts, "environment").summary, HasSubstr("OPENBLAS_CORETYPE=Bulldozer"));
}

TEST(Doctor, TwoOpenmpRuntimesWarn) {
  DoctorFacts facts = with_python();
  facts.python->openmp = {{"torch/lib/libgomp-1.so", "libgomp"}};
  EXPECT_EQ(worst(facts, "openmp").status, CheckStatus::kOk);
  facts.python->openmp.push_back({"mkl/libiomp5.so", "libiomp5"});
  EXPECT_EQ(worst(facts, "openmp").status, CheckStatus::kWarn);
  EXPECT_THAT(worst(facts, "openmp").summary, HasSubstr("different vendors"));
}

TEST(Doctor, AnInstalledVersionOutsideTheRangeWarns) {
  DoctorFacts facts = with_python();
  facts.python->distributions = {{"tensorflow", "2.8.0"}, {"numpy", "2.1.3"}, {"six", "0.1"}};
  facts.python->requirements = {{"tensorflow", "numpy", "<2"}, {"tensorflow", "six", ">=1"}};
  EXPECT_EQ(worst(facts, "abi").status, CheckStatus::kWarn);
  EXPECT_THAT(worst(facts, "abi").summary, HasSubstr("tensorflow 2.8.0 asks for numpy<2, 2.1.3 is installed"));
  facts.python->distributions["numpy"] = "1.26.4";
  EXPECT_EQ(worst(facts, "abi").status, CheckStatus::kOk) << "six has no compiled interface";
}

TEST(Doctor, ExtensionsBuiltForNumpy1FailUnderNumpy2) {
  DoctorFacts facts = with_python();
  facts.python->distributions = {{"numpy", "2.1.3"}};
  facts.python->built_for_numpy_1 = {"rowsum.cpython-311-x86_64-linux-gnu.so"};
  EXPECT_EQ(worst(facts, "abi").status, CheckStatus::kFail);
}

TEST(Doctor, InterpretersThatCannotBeWatchedFail) {
  DoctorFacts facts = with_python();
  EXPECT_EQ(worst(facts, "python").status, CheckStatus::kOk);
  facts.python->libc = "musl";
  EXPECT_EQ(worst(facts, "python").status, CheckStatus::kFail);
  facts.python->libc = "glibc 2.36";
  facts.python->is_static = true;
  EXPECT_EQ(worst(facts, "python").status, CheckStatus::kFail);
  facts.python->error = "run /nowhere: No such file or directory";
  EXPECT_THAT(worst(facts, "python").summary, HasSubstr("/nowhere"));
}

TEST(CollectFacts, ThisMachineIsRead) {
  const DoctorFacts facts = collect_doctor_facts("/nonexistent/python");
  EXPECT_FALSE(facts.machine.kernel.empty());
  EXPECT_FALSE(facts.machine.limits.empty());
  ASSERT_TRUE(facts.python);
  EXPECT_THAT(facts.python->error, HasSubstr("/nonexistent/python"));
}

}  // namespace
}  // namespace segwhy
