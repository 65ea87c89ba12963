#include "pystate/runtime_locator.h"

#include <gtest/gtest.h>

namespace segwhy::pystate {
namespace {

using namespace std::string_literals;

TEST(PythonVersion, FromItsNumber) {
  EXPECT_EQ(version_text(0x030B02F0), "3.11.2");
  EXPECT_EQ(version_text(0x030E00B4), "3.14.0b4");
  EXPECT_EQ(version_text(0x030D00C1), "3.13.0rc1");
  EXPECT_EQ(version_text(0x02070FF0), "");
  EXPECT_EQ(version_text(0), "");
  EXPECT_EQ(version_text(0x41414141), "");
}

TEST(PythonVersion, FromTheBannerInItsData) {
  EXPECT_EQ(find_version_banner("..\0003.8.18 (default, May  9 2026, 07:33:04) \n[GCC 12.2.0]"s), "3.8.18");
  EXPECT_EQ(find_version_banner("3.9.1+ (heads/3.9"s), "3.9.1+");
  EXPECT_EQ(find_version_banner("3.10.0rc2 (main)"s), "3.10.0rc2");
  // Other texts with such numbers in them.
  EXPECT_EQ(find_version_banner("pi 3.14.15 (about)\0003.8.18\0003.8 (no micro)"s), "");
  EXPECT_EQ(find_version_banner("3.\0003.8"s), "");
}

TEST(PythonVersion, FromAFileName) {
  EXPECT_EQ(version_in_file_name("/usr/lib/libpython3.8.so.1.0"), "3.8");
  EXPECT_EQ(version_in_file_name("/usr/bin/python3.10"), "3.10");
  EXPECT_EQ(version_in_file_name("/opt/python3.9/bin/app"), "");
  EXPECT_EQ(version_in_file_name("/usr/bin/python3"), "");
}

TEST(LocateRuntime, AProcessWithoutMappingsIsNotPython) {
  Snapshot empty;
  EXPECT_FALSE(locate_runtime(empty));
}

}  // namespace
}  // namespace segwhy::pystate
