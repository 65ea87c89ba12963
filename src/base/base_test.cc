#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/fd.h"
#include "base/file.h"
#include "base/memory_reader.h"
#include "base/text.h"

namespace segwhy {
namespace {

// Memory that is readable in [start, start + bytes.size()) only.
class OneRegion final : public MemoryReader {
 public:
  OneRegion(TargetAddr start, std::string bytes) : start_(start), bytes_(std::move(bytes)) {}
  std::size_t read(TargetAddr from, std::span<std::byte> out) override {
    const std::uint64_t skip = from - start_;
    if (skip >= bytes_.size()) return 0;
    const std::size_t n = std::min<std::size_t>(out.size(), bytes_.size() - skip);
    std::memcpy(out.data(), bytes_.data() + skip, n);
    return n;
  }

 private:
  TargetAddr start_;
  std::string bytes_;
};

TEST(MemoryReader, StringEndsAtItsNulOrIsRefused) {
  OneRegion memory(TargetAddr(0x1000), std::string("abc\0defg", 8));
  EXPECT_EQ(memory.c_string(TargetAddr(0x1000)), "abc");
  EXPECT_EQ(memory.c_string(TargetAddr(0x1004)), std::nullopt) << "runs into unreadable memory before a NUL";
  EXPECT_EQ(memory.c_string(TargetAddr(0x1000), 3), std::nullopt) << "the NUL is beyond the limit";
  EXPECT_EQ(memory.c_string(TargetAddr(0x1000), 4), "abc");
}

TEST(MemoryReader, ValuesAndBytesAreWholeOrAbsent) {
  OneRegion memory(TargetAddr(0x1000), std::string("\x01\x00\x00\x00\x02\x00", 6));
  EXPECT_EQ(memory.value<std::uint32_t>(TargetAddr(0x1000)), 1U);
  EXPECT_EQ(memory.value<std::uint32_t>(TargetAddr(0x1003)), std::nullopt);
  EXPECT_EQ(memory.pointer(TargetAddr(0x1000)), std::nullopt);
  EXPECT_EQ(memory.bytes(TargetAddr(0x1000), 6)->size(), 6U);
  EXPECT_FALSE(memory.bytes(TargetAddr(0x1000), 7));
  EXPECT_FALSE(memory.bytes(TargetAddr(0x1000), 6, 5)) << "a length beyond the limit is garbage";
}

TEST(Text, Utf8RepairsEachBadByteAndKeepsTheRest) {
  EXPECT_EQ(to_valid_utf8("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");
  EXPECT_EQ(to_valid_utf8("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(to_valid_utf8("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD") << "a surrogate";
  EXPECT_EQ(to_valid_utf8("\xE2\x82"), "\xEF\xBF\xBD\xEF\xBF\xBD") << "cut short";
}

TEST(Text, Numbers) {
  EXPECT_EQ(parse_number("7f", 16), 0x7fU);
  EXPECT_EQ(parse_number("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_number("18446744073709551616"), std::nullopt);
  EXPECT_EQ(parse_number("-1"), std::nullopt);
  EXPECT_EQ(parse_number("12x"), std::nullopt);
  EXPECT_EQ(parse_number(""), std::nullopt);
}

TEST(Text, SplitKeepsEmptyParts) {
  EXPECT_EQ(split("a::b", ':'), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(base_name("/a/b.so"), "b.so");
  EXPECT_EQ(trim(" \t x y\n"), "x y");
}

TEST(Text, HumanBytes) {
  EXPECT_EQ(human_bytes(1), "1 byte");
  EXPECT_EQ(human_bytes(4096), "4096 bytes");
  EXPECT_EQ(human_bytes(std::uint64_t{4} << 20), "4.0 MiB");
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = testing::TempDir() + "segwhy-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(File, RoundTripLeavesOnlyTheFile) {
  const TemporaryDirectory dir;
  const std::string path = dir.path() / "case";
  ASSERT_TRUE(write_file_atomic(path, "old"));
  ASSERT_TRUE(write_file_atomic(path, "new text"));
  EXPECT_EQ(read_file(path).value(), "new text");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
}

// A rename onto it would put a regular file in the device's place, for everyone.
TEST(File, SpecialFilesAreWrittenToAndStay) {
  const TemporaryDirectory dir;
  const std::string path = dir.path() / "null";
  if (::mknod(path.c_str(), S_IFCHR | 0600, makedev(1, 3)) != 0) GTEST_SKIP() << "may not make a device here";
  ASSERT_TRUE(write_file_atomic(path, "case"));
  EXPECT_TRUE(std::filesystem::is_character_file(path));
  EXPECT_EQ(read_file(path).value(), "");
}

TEST(File, ANamedPipeThatNobodyReadsIsAnError) {
  const TemporaryDirectory dir;
  const std::string path = dir.path() / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(write_file_atomic(path, "case"));
  EXPECT_TRUE(std::filesystem::is_fifo(path));
}

TEST(File, ErrorsNameTheFile) {
  EXPECT_NE(read_file("/nonexistent/x").error().what.find("/nonexistent/x"), std::string::npos);
  EXPECT_NE(write_file_atomic("/nonexistent/x", "").error().what.find("/nonexistent/x"), std::string::npos);
  EXPECT_FALSE(read_file("/proc/self/maps", 10)) << "larger than the limit";
}

TEST(Fd, MoveEmptiesTheSource) {
  Fd a(::dup(0));
  const Fd b(std::move(a));
  EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move): that it is empty is the contract
  EXPECT_TRUE(b);
}

}  // namespace
}  // namespace segwhy
