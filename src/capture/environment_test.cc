// The environment of real processes, and of none.
#include "capture/environment.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "base/fd.h"
#include "capture/maps.h"
#include "capture/test_process.h"

namespace segwhy {
namespace {

using testing_support::ChildProcess;
using testing_support::Shared;
using testing_support::wait_until;

TEST(Environment, OfALimitedProcess) {
  const Shared<std::atomic<int>> ready;
  const ChildProcess child([&] {
    const rlimit open_files{64, 128};
    ::setrlimit(RLIMIT_NOFILE, &open_files);
    const rlimit processes{100, 100};  // few enough to be counted
    ::setrlimit(RLIMIT_NPROC, &processes);
    std::thread other([&] {
      *ready = 1;
      for (;;) ::pause();
    });
    for (;;) ::pause();
    return 0;
  });
  wait_until([&] { return *ready == 1; });
  const Machine machine = read_machine(child.pid(), read_baseline(child.pid()));
  EXPECT_EQ(machine.limits.at("nofile").soft, 64U);
  EXPECT_EQ(machine.limits.at("nofile").hard, 128U);
  EXPECT_EQ(machine.threads, 2U);
  EXPECT_GE(machine.user_threads.value(), 3U) << "these two and this test";
  EXPECT_GT(machine.mappings.value(), 5U);
  EXPECT_LT(machine.mappings.value(), machine.mappings_max.value());
  EXPECT_GT(machine.peak_rss.value(), 0U);
  EXPECT_GT(read_rss(child.pid()).value(), 0U);
  EXPECT_LE(machine.memory_available.value(), machine.memory_total.value());
  EXPECT_LE(machine.shm_free.value(), machine.shm_total.value());
  EXPECT_EQ(machine.oom_kills_before.has_value(), machine.oom_kills_after.has_value());
  EXPECT_GE(machine.cpus, 1U);
  EXPECT_FALSE(machine.os.empty());
  EXPECT_FALSE(machine.kernel.empty());
  EXPECT_FALSE(machine.cpu.empty());
}

TEST(Environment, OfAProcessThatIsGone) {
  int pid = 0;
  EnvironmentBaseline baseline;
  {
    ChildProcess child([] {
      for (;;) ::pause();
      return 0;
    });
    pid = child.pid();
    baseline = read_baseline(pid);
  }
  const Machine machine = read_machine(pid, baseline);
  EXPECT_TRUE(machine.limits.empty());
  EXPECT_EQ(machine.threads, std::nullopt);
  EXPECT_EQ(machine.mappings, std::nullopt);
  EXPECT_EQ(machine.peak_rss, std::nullopt);
  EXPECT_EQ(read_rss(pid), std::nullopt);
  EXPECT_TRUE(machine.memory_total);
  EXPECT_EQ(machine.cgroup.has_value(), baseline.cgroups.memory || baseline.cgroups.pids);
  if (machine.cgroup) {
    EXPECT_EQ(machine.cgroup->path, baseline.cgroup_path) << "the one it was started in";
    EXPECT_EQ(machine.cgroup->oom_kills_before, baseline.cgroup_oom_kills);
  }
  const Program program = read_program(pid);
  EXPECT_TRUE(program.argv.empty() && program.cwd.empty() && program.environment.empty() && !program.age_s);
}

TEST(Environment, ProgramOfAProcess) {
  int said[2];
  int never_written[2];  // what the program waits to read
  ASSERT_EQ(::pipe(said), 0);
  ASSERT_EQ(::pipe(never_written), 0);
  ChildProcess child([&] {
    ::dup2(said[1], 1);
    ::dup2(never_written[0], 0);
    if (::chdir("/usr") != 0) return 1;
    const char* arguments[] = {"sh", "-c", "echo up; read line", "an \xff argument", nullptr};
    const char* environment[] = {"TF_X=1", "HOME=/secret", "TF_VAR_password=hunter2", "OMP_NUM_THREADS=3",
                                 "odd",    nullptr};
    return ::execve("/bin/sh", const_cast<char**>(arguments), const_cast<char**>(environment));
  });
  char line[3];
  ASSERT_EQ(::read(said[0], line, sizeof line), 3) << "up";
  const Program program = read_program(child.pid());
  for (const int fd : {said[0], said[1], never_written[0], never_written[1]}) ::close(fd);
  EXPECT_EQ(program.argv, (std::vector<std::string>{"sh", "-c", "echo up; read line", "an \xEF\xBF\xBD argument"}));
  EXPECT_EQ(program.cwd, "/usr");
  EXPECT_EQ(program.pid, child.pid());
  EXPECT_NE(program.executable.find("sh"), std::string::npos);
  EXPECT_EQ(program.environment, (std::map<std::string, std::string>{{"TF_X", "1"}, {"OMP_NUM_THREADS", "3"}}));
  ASSERT_TRUE(program.age_s);
  EXPECT_GE(*program.age_s, 0.0);
}

MappingInfo info_of(const Mapping& m) {
  MappingInfo info;
  info.start = m.start.value();
  info.end = m.end.value();
  info.path = m.path;
  info.file_offset = m.file_offset;
  info.deleted = m.deleted;
  return info;
}

TEST(MappedFile, SectionsOfThisProgram) {
  Snapshot snapshot;
  snapshot.mappings = parse_maps(read_proc("/proc/self/maps"));
  static const char kConstant[] = "in .rodata";
  const auto describe = [&](const void* address, bool give_address) {
    const TargetAddr at(reinterpret_cast<std::uintptr_t>(address));
    MappingInfo info = info_of(*snapshot.mapping_of(at));
    describe_mapped_file(info, "", give_address ? std::optional(at.value()) : std::nullopt);
    EXPECT_EQ(info.file_size, std::filesystem::file_size("/proc/self/exe"));
    EXPECT_FALSE(info.filesystem.empty());
    return info.section;
  };
  EXPECT_EQ(describe(kConstant, true), ".rodata");
  EXPECT_EQ(describe(reinterpret_cast<const void*>(&info_of), true), ".text");
  EXPECT_EQ(describe(reinterpret_cast<const void*>(&info_of), false), ".text");
}

TEST(MappedFile, WhatIsNoFileStaysAbsent) {
  for (const char* path : {"", "[stack]", "anon_inode:[perf_event]", "/nonexistent/file"}) {
    MappingInfo info;
    info.path = path;
    describe_mapped_file(info, "");
    EXPECT_EQ(info.file_size, std::nullopt) << path;
    EXPECT_EQ(info.section, "") << path;
  }
  MappingInfo memfd;
  memfd.path = "/memfd:x";
  memfd.deleted = true;
  describe_mapped_file(memfd, "");
  EXPECT_EQ(memfd.filesystem, "tmpfs");
}

TEST(MappedFile, ADeletedNameIsNotLookedUpButItsFilesystemIs) {
  std::string path = "/dev/shm/segwhy-XXXXXX";
  const Fd fd(::mkstemp(path.data()));
  if (!fd) GTEST_SKIP() << "no /dev/shm to write to";
  MappingInfo info;
  info.path = path;
  info.end = 4096;
  ASSERT_EQ(::ftruncate(fd.get(), 100), 0);
  describe_mapped_file(info, "");
  EXPECT_EQ(info.file_size, 100U);
  EXPECT_EQ(info.filesystem, "tmpfs");
  EXPECT_EQ(info.section, "") << "no ELF object";
  info.file_size.reset();
  info.deleted = true;  // another file of that name
  describe_mapped_file(info, "");
  EXPECT_EQ(info.file_size, std::nullopt);
  ::unlink(path.c_str());
  info.filesystem.clear();
  describe_mapped_file(info, "");
  EXPECT_EQ(info.filesystem, "tmpfs");
}

TEST(MappedFile, AFileWithoutANameIsFoundThroughTheProcess) {
  const Fd fd(::memfd_create("segwhy-test", MFD_CLOEXEC));
  ASSERT_TRUE(fd);
  ASSERT_EQ(::ftruncate(fd.get(), 8192), 0);
  void* const at = ::mmap(nullptr, 8192, PROT_READ, MAP_SHARED, fd.get(), 0);
  ASSERT_NE(at, MAP_FAILED);
  ASSERT_EQ(::ftruncate(fd.get(), 100), 0);
  Snapshot snapshot;
  snapshot.mappings = parse_maps(read_proc("/proc/self/maps"));
  const Mapping* const mapping = snapshot.mapping_of(TargetAddr(reinterpret_cast<std::uintptr_t>(at)));
  ASSERT_NE(mapping, nullptr);

  MappingInfo info = info_of(*mapping);
  describe_nameless_file(info, *mapping, ::getpid());
  EXPECT_EQ(info.file_size, 100U);
  EXPECT_TRUE(info.filesystem_free);

  Mapping elsewhere = *mapping;  // where map_files does not help: a descriptor of the same file does
  elsewhere.end = elsewhere.end + 1;
  MappingInfo through_descriptor = info_of(elsewhere);
  describe_nameless_file(through_descriptor, elsewhere, ::getpid());
  EXPECT_EQ(through_descriptor.file_size, 100U);

  elsewhere.inode += 1'000'000;
  MappingInfo unknown = info_of(elsewhere);
  describe_nameless_file(unknown, elsewhere, ::getpid());
  EXPECT_EQ(unknown.file_size, std::nullopt);
  ::munmap(at, 8192);
}

}  // namespace
}  // namespace segwhy
