#include "monitor/program_image.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "monitor/target_process.h"

namespace segwhy {
namespace {

namespace fs = std::filesystem;

class ProgramImageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "segwhy-image-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string file(const std::string& name, const std::string& bytes) {
    const fs::path path = directory_ / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  }

  static std::string elf(unsigned char elf_class, Elf64_Half machine, const std::string& interpreter) {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = elf_class;
    header.e_machine = machine;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = interpreter.empty() ? 0 : 1;
    Elf64_Phdr segment{};
    segment.p_type = PT_INTERP;
    segment.p_offset = sizeof header + sizeof segment;
    segment.p_filesz = interpreter.size() + 1;
    std::string bytes(sizeof header + sizeof segment, '\0');
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + sizeof header, &segment, sizeof segment);
    return bytes + interpreter + '\0';
  }

  fs::path directory_;
};

constexpr char kGlibc[] = "/lib64/ld-linux-x86-64.so.2";

TEST_F(ProgramImageTest, DynamicGlibcProgramWorks) {
  EXPECT_FALSE(preload_obstacle(file("p", elf(ELFCLASS64, EM_X86_64, kGlibc))));
  EXPECT_FALSE(preload_obstacle("/proc/self/exe"));
}

TEST_F(ProgramImageTest, WhatThePreloadDoesNotReach) {
  EXPECT_EQ(preload_obstacle(file("a", elf(ELFCLASS64, EM_X86_64, ""))), "is statically linked");
  EXPECT_EQ(preload_obstacle(file("b", elf(ELFCLASS32, EM_386, kGlibc))), "is not a 64-bit program");
  EXPECT_EQ(preload_obstacle(file("c", elf(ELFCLASS64, EM_AARCH64, kGlibc))), "is not an x86-64 program");
  EXPECT_EQ(preload_obstacle(file("d", elf(ELFCLASS64, EM_X86_64, "/lib/ld-musl-x86_64.so.1"))), "is a musl program");
}

TEST_F(ProgramImageTest, SetuidOfAnotherUser) {
  const std::string path = file("s", elf(ELFCLASS64, EM_X86_64, kGlibc));
  ::chmod(path.c_str(), 04755);
  EXPECT_FALSE(preload_obstacle(path)) << "one's own setuid program runs with one's own rights";
  if (::getuid() != 0) GTEST_SKIP() << "only root can give a file away";
  ASSERT_EQ(::chown(path.c_str(), 65534, 0), 0);
  ::chmod(path.c_str(), 04755);
  EXPECT_EQ(preload_obstacle(path), "is a setuid program");
}

TEST_F(ProgramImageTest, ScriptsAreJudgedByTheirInterpreter) {
  const std::string fixed = file("i", elf(ELFCLASS64, EM_X86_64, ""));
  const std::string script = file("one", "#! " + fixed + " -x\nbody\n");
  EXPECT_EQ(preload_obstacle(script), "is statically linked");
  EXPECT_EQ(preload_obstacle(file("two", "#!" + script + "\n")), "is statically linked");
  EXPECT_FALSE(preload_obstacle(file("loop", "#!" + (directory_ / "loop").string() + "\n")));
  EXPECT_FALSE(preload_obstacle(file("text", "echo\n")));
  EXPECT_FALSE(preload_obstacle("/nowhere"));
}

TEST_F(ProgramImageTest, TruncatedAndHostileHeaders) {
  EXPECT_TRUE(preload_obstacle(file("short", std::string(ELFMAG) + "\2")));
  std::string bytes = elf(ELFCLASS64, EM_X86_64, kGlibc);
  auto* const header = reinterpret_cast<Elf64_Ehdr*>(bytes.data());
  header->e_phoff = ~0ULL;
  EXPECT_EQ(preload_obstacle(file("off", bytes)), "is statically linked");
}

TEST(AttachRuntime, KeepsTheUsersPreload) {
  const RuntimeAttachment runtime{"/x/libsegwhy.so", 12, 5, 6, {}};
  const auto out =
      attach_runtime({"A=1", "LD_PRELOAD=/a.so /b.so", "SEGWHY_SESSION=old", "SEGWHY_SESSION_FD=9"}, runtime);
  EXPECT_EQ(out, (std::vector<std::string>{"A=1", "LD_PRELOAD=/x/libsegwhy.so:/a.so:/b.so", "SEGWHY_SESSION=12:5",
                                           "SEGWHY_SESSION_FD=6"}));
}

TEST(AttachRuntime, SetsOnlyWhatTheUserDidNot) {
  const RuntimeAttachment runtime{"/x/libsegwhy.so", 12, 5, 6, {{"SET", "no"}, {"MISSING", "1"}}};
  const auto out = attach_runtime({"SET=users", "NOT_MISSING=2"}, runtime);
  EXPECT_EQ(out.front(), "SET=users");
  EXPECT_EQ(out.back(), "MISSING=1");
  EXPECT_EQ(std::count(out.begin(), out.end(), "SET=no"), 0);
}

TEST(AttachRuntime, IsNotDoubledUnderItself) {
  const RuntimeAttachment runtime{"/x/libsegwhy.so", 1, 2, 3, {}};
  const auto out = attach_runtime({"LD_PRELOAD=/x/libsegwhy.so:/a.so:"}, runtime);
  EXPECT_EQ(out.front(), "LD_PRELOAD=/x/libsegwhy.so:/a.so");
}

TEST(AttachRuntime, PathsThatLdPreloadCannotName) {
  EXPECT_TRUE(preloadable_path("/a/b.so"));
  EXPECT_FALSE(preloadable_path("/a b/c.so"));
  EXPECT_FALSE(preloadable_path("/a:b/c.so"));
}

}  // namespace
}  // namespace segwhy
