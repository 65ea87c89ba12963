#include "capture/memory_parts.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace segwhy {
namespace {

TEST(MemoryParts, OfAStatusFile) {
  const auto parts = parse_memory_parts(
      "Name:\tpython\nVmPeak:\t  900 kB\nVmRSS:\t     120 kB\nRssAnon:\t     100 kB\nRssFile:\t      16 "
      "kB\nRssShmem:\t       4 kB\n");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->resident, 120U << 10);
  EXPECT_EQ(parts->anonymous, 100U << 10);
  EXPECT_EQ(parts->file, 16U << 10);
  EXPECT_EQ(parts->shared, 4U << 10);
}

TEST(MemoryParts, OfAZombieOrAnOldKernel) {
  EXPECT_FALSE(parse_memory_parts("Name:\tpython\nState:\tZ (zombie)\n"));
  EXPECT_FALSE(parse_memory_parts(""));
  const auto parts = parse_memory_parts("VmRSS:\t 8 kB\n");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->anonymous, std::nullopt);
}

TEST(MemoryParts, OfThisProcessAddUp) {
  const auto parts = read_memory_parts(::getpid());
  ASSERT_TRUE(parts && parts->anonymous && parts->file && parts->shared);
  EXPECT_EQ(parts->resident, *parts->anonymous + *parts->file + *parts->shared);
}

TEST(Pressure, OfAPsiFile) {
  EXPECT_EQ(parse_pressure("some avg10=1.25 avg60=0.10 avg300=0.00 total=77\nfull avg10=0.50 avg60=0.00\n"), 1.25);
  EXPECT_EQ(parse_pressure("some avg10=0.00 avg60=0.10 avg300=0.00 total=77\n"), 0.0);
}

TEST(Pressure, NonsenseIsAbsent) {
  for (const char* text : {"", "some avg10=", "some avg10=x avg60=1", "some avg10=101.0 ", "some avg10=-1 ",
                           "some avg10=nan ", "full avg10=1.00 avg60=0.00\n"})
    EXPECT_EQ(parse_pressure(text), std::nullopt) << text;
}

// A cgroup of version 2 laid out by hand: its own pressure before the machine's.
TEST(Pressure, OfACgroupDirectory) {
  std::string name = testing::TempDir() + "segwhy-psi-XXXXXX";
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  std::ofstream(name + "/memory.pressure") << "some avg10=42.50 avg60=0.00 avg300=0.00 total=1\n";
  EXPECT_EQ(read_memory_pressure(name), 42.5);
  std::filesystem::remove_all(name);
}

}  // namespace
}  // namespace segwhy
