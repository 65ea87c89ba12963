#include "capture/cgroup.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

namespace segwhy {
namespace {

constexpr std::string_view kV2Mount =
    "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n";
constexpr std::string_view kV1Mounts =
    "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "39 31 0:36 / /sys/fs/cgroup/pids rw,relatime shared:3 master:1 - cgroup cgroup rw,pids\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

std::optional<CgroupDirectory> locate(std::string_view membership, std::string_view mounts,
                                      std::string_view controller) {
  return find_cgroup(parse_cgroup_membership(membership), parse_cgroup_mounts(mounts), controller);
}

TEST(FindCgroup, V2) {
  const auto where = locate("0::/user.slice/a:b.scope\n", kV2Mount, "memory");
  ASSERT_TRUE(where);
  EXPECT_TRUE(where->v2);
  EXPECT_EQ(where->directory, "/sys/fs/cgroup/user.slice/a:b.scope");
  EXPECT_EQ(where->mount_point, "/sys/fs/cgroup");
  EXPECT_EQ(where->path, "/user.slice/a:b.scope");
}

TEST(FindCgroup, HybridTakesTheHierarchyThatHasTheController) {
  constexpr std::string_view kMembership = "8:pids:/\n4:memory:/api/2be7\n9:name=systemd:/\n0::/x\n";
  const auto memory = locate(kMembership, kV1Mounts, "memory");
  ASSERT_TRUE(memory);
  EXPECT_FALSE(memory->v2);
  EXPECT_EQ(memory->directory, "/sys/fs/cgroup/memory/api/2be7");
  EXPECT_EQ(locate(kMembership, kV1Mounts, "pids")->directory, "/sys/fs/cgroup/pids");
  const auto unified = locate("1:name=systemd:/\n0::/x\n", kV1Mounts, "memory");
  ASSERT_TRUE(unified) << "not on v1: v2's";
  EXPECT_TRUE(unified->v2);
  EXPECT_EQ(unified->directory, "/sys/fs/cgroup/unified/x");
}

TEST(FindCgroup, ContainerWithTheHostsNames) {
  constexpr std::string_view kMount = "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
  EXPECT_EQ(locate("4:memory:/docker/abc\n", kMount, "memory")->directory, "/sys/fs/cgroup/memory");
  EXPECT_EQ(locate("4:memory:/docker/abc/sub\n", kMount, "memory")->directory, "/sys/fs/cgroup/memory/sub");
  EXPECT_EQ(locate("4:memory:/docker/abcd\n", kMount, "memory")->directory, "/sys/fs/cgroup/memory")
      << "another cgroup whose name begins alike";
  EXPECT_EQ(locate("0::/../outside\n", kV2Mount, "memory")->directory, "/sys/fs/cgroup")
      << "outside our cgroup namespace: never a path out of the mount";
}

TEST(FindCgroup, NothingMountedOrGarbage) {
  EXPECT_FALSE(locate("0::/x\n", "", "memory"));
  EXPECT_FALSE(locate("", kV2Mount, "memory"));
  EXPECT_FALSE(locate("garbage\n:::\n1:memory:relative\n", kV1Mounts, "memory"));
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string mounts(kV1Mounts);
    for (int i = 0; i < 4; ++i) mounts[random() % mounts.size()] = static_cast<char>(random());
    std::string membership = "8:pids:/\n4:memory:/api/2be7\n0::/x\n";
    membership[random() % membership.size()] = static_cast<char>(random());
    (void)locate(membership, mounts, "memory");
  }
}

TEST(ParseCgroup, MountPointsWithBlanks) {
  const auto mounts = parse_cgroup_mounts("1 2 0:1 / /mnt/a\\040b rw - cgroup2 none rw\n");
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].mount_point, "/mnt/a b");
  EXPECT_EQ(parse_cgroup_mounts("1 2 0:1 / /mnt/a\\04 rw - cgroup2 none rw\n")[0].mount_point, "/mnt/a\\04");
}

TEST(ParseCgroup, Values) {
  EXPECT_EQ(parse_cgroup_limit("max\n"), std::nullopt);
  EXPECT_EQ(parse_cgroup_limit("9223372036854771712\n"), std::nullopt) << "v1's unlimited";
  EXPECT_EQ(parse_cgroup_limit("1073741824\n"), 1073741824U);
  EXPECT_EQ(parse_cgroup_limit("-1\n"), std::nullopt);
  constexpr std::string_view kEvents = "low 0\nhigh 0\nmax 5\noom 2\noom_kill 1\noom_group_kill 0\n";
  EXPECT_EQ(parse_keyed_value(kEvents, "oom_kill"), 1U);
  EXPECT_EQ(parse_keyed_value(kEvents, "oom"), 2U) << "a key is a whole word";
  EXPECT_EQ(parse_keyed_value("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "oom_kill"), 3U);
  EXPECT_EQ(parse_keyed_value("oom_kill\noom_kill x\n", "oom_kill"), std::nullopt);
  EXPECT_EQ(parse_keyed_value("", "oom_kill"), std::nullopt);
}

// A cgroup file system laid out by hand.
class FakeHierarchy : public testing::Test {
 protected:
  FakeHierarchy() {
    std::string name = testing::TempDir() + "segwhy-cgroup-XXXXXX";
    root_ = ::mkdtemp(name.data());
  }
  ~FakeHierarchy() override { std::filesystem::remove_all(root_); }

  void file(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  [[nodiscard]] std::string v2_mount() const { return "31 23 0:28 / " + root_.string() + " rw - cgroup2 x rw\n"; }

  std::filesystem::path root_;
};

TEST_F(FakeHierarchy, V2TakesTheTightestLimitOnTheWayUp) {
  file("a/memory.max", "1000\n");
  file("a/memory.current", "900\n");
  file("a/memory.peak", "950\n");
  file("a/b/memory.max", "max\n");
  file("a/b/memory.current", "10\n");
  file("a/b/memory.events", "oom 1\noom_kill 4\n");
  file("a/b/c/memory.max", "5000\n");
  file("a/b/c/memory.current", "20\n");
  file("a/b/c/memory.events", "oom 0\noom_kill 2\n");
  file("a/b/c/pids.max", "77\n");
  file("a/b/c/pids.current", "7\n");
  file("a/b/c/pids.events", "max 3\n");
  const auto where = find_cgroup_directories("0::/a/b/c\n", v2_mount());
  const auto cgroup = read_cgroup(where);
  ASSERT_TRUE(cgroup);
  EXPECT_EQ(cgroup->version, "2");
  EXPECT_EQ(cgroup->path, "/a/b/c");
  EXPECT_EQ(cgroup->memory_limit, 1000U);
  EXPECT_EQ(cgroup->memory_current, 900U) << "of the cgroup that has the limit";
  EXPECT_EQ(cgroup->memory_peak, 950U);
  EXPECT_EQ(cgroup->oom_kills_after, 2U) << "of the process's own cgroup";
  EXPECT_EQ(cgroup->pids_limit, 77U);
  EXPECT_EQ(cgroup->pids_current, 7U);
  EXPECT_EQ(cgroup->pids_refused_after, 3U);
  EXPECT_EQ(cgroup->oom_kills_before, std::nullopt);
}

TEST_F(FakeHierarchy, V1KnowsOfLimitsAboveTheMount) {
  file("memory.limit_in_bytes", "9223372036854771712\n");
  file("job/memory.limit_in_bytes", "9223372036854771712\n");
  file("job/memory.usage_in_bytes", "30\n");
  file("job/memory.max_usage_in_bytes", "40\n");
  file("job/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 6\n");
  file("job/memory.stat", "cache 1\nhierarchical_memory_limit 2000\n");
  const auto where =
      find_cgroup_directories("4:memory:/job\n", "31 23 0:28 / " + root_.string() + " rw - cgroup x rw,memory\n");
  const auto cgroup = read_cgroup(where);
  ASSERT_TRUE(cgroup);
  EXPECT_EQ(cgroup->version, "1");
  EXPECT_EQ(cgroup->memory_limit, 2000U);
  EXPECT_EQ(cgroup->memory_current, 30U);
  EXPECT_EQ(cgroup->memory_peak, 40U);
  EXPECT_EQ(cgroup->oom_kills_after, 6U);
  EXPECT_EQ(cgroup->pids_limit, std::nullopt);
}

TEST_F(FakeHierarchy, UnknownNamesFallBackToTheNearestThatExists) {
  file("memory.max", "123\n");
  const auto cgroup = read_cgroup(find_cgroup_directories("0::/host/only/name\n", v2_mount()));
  ASSERT_TRUE(cgroup);
  EXPECT_EQ(cgroup->memory_limit, 123U);
}

TEST_F(FakeHierarchy, GarbageValuesAreAbsent) {
  file("memory.max", "lots\n");
  file("memory.current", "");
  file("memory.events", "\n\noom_kill\n");
  const auto cgroup = read_cgroup(find_cgroup_directories("0::/\n", v2_mount()));
  ASSERT_TRUE(cgroup);
  EXPECT_EQ(cgroup->memory_limit, std::nullopt);
  EXPECT_EQ(cgroup->memory_current, std::nullopt);
  EXPECT_EQ(cgroup->oom_kills_after, std::nullopt);
}

}  // namespace
}  // namespace segwhy
