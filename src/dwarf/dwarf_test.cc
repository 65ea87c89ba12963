#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "dwarf/elf_image.h"
#include "dwarf/mapped_object.h"
#include "unit/fake_target.h"
#include "unit/own_process.h"

namespace segwhy {
namespace {

using test::FakeTarget;

constexpr std::uint64_t kLibrary = 0x7ffff0000000;

// A process that maps /lib/x.so in four pieces with .bss behind, and the same file again for reading.
struct Libraries : FakeTarget {
  Libraries() {
    map(kLibrary, 0x1000, "r--", "/lib/x.so");
    map(kLibrary + 0x1000, 0x2000, "r-x", "/lib/x.so");
    map(kLibrary + 0x3000, 0x1000, "rw-", "/lib/x.so");
    map(kLibrary + 0x4000, 0x1000, "rw-", "");
    map(kLibrary + 0x10000, 0x1000, "r--", "/lib/x.so");
    for (Mapping& m : snapshot.mappings) {
      if (m.path == "/lib/x.so" && m.start < TargetAddr(kLibrary + 0x4000)) m.file_offset = m.start.value() - kLibrary;
    }
    memory.put(kLibrary, {0x7f, 'E', 'L', 'F', 2, 1, 1, 0});
    memory.put(kLibrary + 0x10000, {0x7f, 'E', 'L', 'F', 2, 1, 1, 0});
  }
};

TEST(MappedObjects, PiecesOfOneFileAreOneObject) {
  Libraries target;
  const auto objects = mapped_objects(target.snapshot);
  ASSERT_EQ(objects.size(), 1U) << "the mapping for reading is no object, nor is the program without a header";
  EXPECT_EQ(objects[0].path, "/lib/x.so");
  EXPECT_EQ(objects[0].start, TargetAddr(kLibrary));
  EXPECT_EQ(objects[0].end, TargetAddr(kLibrary + 0x4000)) << "memory behind the last piece of the file is not claimed";
  EXPECT_EQ(object_of(objects, TargetAddr(kLibrary + 0x1234)), 0U);
  EXPECT_EQ(object_of(objects, TargetAddr(kLibrary + 0x4000)), 1U);
  EXPECT_EQ(object_of(objects, TargetAddr(kLibrary - 1)), 1U);
}

TEST(MappedObjects, TwiceLoadedIsTwoObjects) {
  Libraries target;
  target.map(kLibrary + 0x11000, 0x1000, "r-x", "/lib/x.so");
  for (Mapping& m : target.snapshot.mappings) {
    if (m.start == TargetAddr(kLibrary + 0x11000)) m.file_offset = 0x1000;
  }
  EXPECT_EQ(mapped_objects(target.snapshot).size(), 2U);
}

TEST(MappedObjects, NotAnElfFile) {
  Libraries target;
  target.memory.put(kLibrary, {'%', 'P', 'D', 'F'});
  EXPECT_TRUE(mapped_objects(target.snapshot).empty());
}

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::vector<char>& bytes) {
    std::ofstream(path_, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_ = testing::TempDir() + "elf-image-" + std::to_string(::getpid());
};

std::vector<char> own_program() {
  std::ifstream in("/proc/self/exe", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ElfImage, ReadsTheProgramItself) {
  const auto image = ElfImage::open_file("/proc/self/exe");
  ASSERT_TRUE(image) << image.error().what;
  ASSERT_NE(image->section(".text"), nullptr);
  EXPECT_EQ(image->section(".no such section"), nullptr);
  EXPECT_EQ(image->section_of(image->section(".text")->sh_addr + 1), image->section(".text"));
  EXPECT_FALSE(image->segments().empty());
  const DynamicInfo dynamic = image->dynamic();
  EXPECT_NE(std::find(dynamic.needed.begin(), dynamic.needed.end(), "libc.so.6"), dynamic.needed.end());
}

TEST(ElfImage, RefusesWhatIsNoElfFile) {
  EXPECT_FALSE(ElfImage::open_file("/nonexistent"));
  EXPECT_FALSE(ElfImage::open_file("/dev/null"));
  EXPECT_FALSE(ElfImage::open_file("/proc/self/maps"));
  EXPECT_FALSE(ElfImage::open_file(TemporaryFile({'n', 'o'}).path()));
}

// Everything that can be asked of an image, for garbage files: nothing may crash.
void use(const ElfImage& image) {
  (void)image.build_id();
  (void)image.dynamic();
  (void)image.section(".text");
  for (const Elf64_Shdr& s : image.sections()) {
    (void)image.contents(s);
    (void)image.section_name(s);
    (void)image.from_address(s.sh_addr);
  }
  (void)image.at_address(UINT64_MAX, UINT64_MAX);
}

TEST(ElfImage, SurvivesTruncationAndCorruption) {
  const std::vector<char> whole = own_program();
  for (const std::size_t size : {64UL, 100UL, 1000UL, 5000UL, whole.size() / 2, whole.size() - 1}) {
    const TemporaryFile file({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
    if (const auto image = ElfImage::open_file(file.path())) use(*image);
  }
  std::uint32_t state = 1;
  for (int round = 0; round < 50; ++round) {
    std::vector<char> bytes = whole;
    for (int i = 0; i < 20; ++i) {
      state = state * 1664525U + 1013904223U;
      bytes[state % 1024] = static_cast<char>(state >> 24U);  // headers, program headers, notes
      bytes[bytes.size() - 1 - (state >> 8U) % 4096] = static_cast<char>(state >> 16U);  // section headers
    }
    const TemporaryFile file(bytes);
    if (const auto image = ElfImage::open_file(file.path())) use(*image);
  }
}

TEST(ElfImage, RebuildsALibraryFromMemory) {
  test::OwnProcess own;
  auto objects = mapped_objects(own.snapshot);
  const auto libc = std::find_if(objects.begin(), objects.end(),
                                 [](const MappedObject& o) { return o.path.find("/libc.so") != std::string::npos; });
  ASSERT_NE(libc, objects.end());
  const auto from_file = ElfImage::open(own.snapshot, *libc);
  libc->deleted = true;
  const auto from_memory = ElfImage::open(own.snapshot, *libc);
  ASSERT_TRUE(from_file && from_memory);
  EXPECT_FALSE(from_file->file_path().empty());
  EXPECT_TRUE(from_memory->file_path().empty());
  EXPECT_EQ(from_memory->bias(), from_file->bias());
  EXPECT_EQ(from_memory->build_id(), from_file->build_id());
  EXPECT_EQ(from_memory->dynamic().soname, from_file->dynamic().soname);
  EXPECT_EQ(from_memory->dynamic().symbols, from_file->dynamic().symbols) << "relocated in memory";
}

}  // namespace
}  // namespace segwhy
