#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

#include "elf/core_notes.h"
#include "elf/elf_file.h"
#include "elf/notes.h"

namespace segwhy {
namespace {

// Appends fixed-layout data to a byte string.
class Bytes {
 public:
  template <class T>
  Bytes& put(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Bytes& text(std::string_view t) {
    text_ += t;
    return *this;
  }
  Bytes& pad(std::size_t size) {
    text_.resize(size);
    return *this;
  }
  Bytes& note(std::string_view name, std::uint32_t type, const std::string& description) {
    put<std::uint32_t>(static_cast<std::uint32_t>(name.size() + 1)).put(static_cast<std::uint32_t>(description.size()));
    put(type).text(name).put('\0').pad((text_.size() + 3) / 4 * 4);
    return text(description).pad((text_.size() + 3) / 4 * 4);
  }
  [[nodiscard]] const std::string& str() const { return text_; }

 private:
  std::string text_;
};

std::string prstatus(int tid, std::int16_t signal, std::uint64_t first_register) {
  Bytes b;
  b.pad(12).put(signal).pad(32).put(tid).pad(112);
  for (std::uint64_t i = 0; i < CoreThread::kRegisterCount; ++i) b.put(first_register + i);
  return b.pad(336).str();
}

std::string example_core_notes() {
  Bytes files;
  files.put<std::uint64_t>(2).put<std::uint64_t>(4096);
  files.put<std::uint64_t>(0x1000).put<std::uint64_t>(0x2000).put<std::uint64_t>(3);
  files.put<std::uint64_t>(0x5000).put<std::uint64_t>(0x6000).put<std::uint64_t>(0);
  files.text("/usr/lib/with space.so").put('\0').text("/b").put('\0');
  Bytes process;
  process.pad(16).put<std::int32_t>(1000).pad(24).put<std::int32_t>(42).pad(40).text("python3").pad(56);
  process.text("python3 train.py").pad(136);
  Bytes auxv;
  auxv.put<std::uint64_t>(AT_PAGESZ).put<std::uint64_t>(4096).put<std::uint64_t>(AT_NULL).put<std::uint64_t>(0);
  auxv.put<std::uint64_t>(99).put<std::uint64_t>(99);
  Bytes notes;
  notes.note("CORE", NT_PRSTATUS, prstatus(7, 11, 100)).note("CORE", NT_PRPSINFO, process.str());
  notes.note("CORE", NT_SIGINFO, Bytes().put<std::int32_t>(11).pad(128).str());
  notes.note("CORE", NT_AUXV, auxv.str()).note("CORE", NT_FILE, files.str());
  notes.note("LINUX", NT_X86_XSTATE, "whatever").note("CORE", NT_PRSTATUS, prstatus(8, 0, 200));
  return notes.str();
}

TEST(ByteView, ReadsOnlyWhatFits) {
  const ByteView view(std::string_view("\x01\x02\x03\x04\x00", 5));
  EXPECT_EQ(view.at<std::uint32_t>(0), 0x04030201U);
  EXPECT_EQ(view.at<std::uint32_t>(1), 0x00040302U) << "unaligned";
  EXPECT_EQ(view.at<std::uint32_t>(2), std::nullopt);
  EXPECT_EQ(view.at<std::uint8_t>(UINT64_MAX), std::nullopt);
  EXPECT_FALSE(view.slice(1, UINT64_MAX)) << "offset + size wraps";
  EXPECT_EQ(view.slice(1, 2)->size(), 2U);
  EXPECT_EQ(ByteView(std::string_view("ab")).c_string(0), std::nullopt) << "not terminated";
  EXPECT_EQ(ByteView(std::string_view("ab\0c", 4)).c_string(1), "b");
  EXPECT_EQ(ByteView(std::string_view("ab\0c", 4)).field(0, 4), "ab");
  EXPECT_EQ(ByteView(std::string_view("abcd")).field(0, 4), "abcd");
}

TEST(CoreNotes, DecodesEveryKind) {
  const std::string bytes = example_core_notes();
  const CoreNotes notes = parse_core_notes(ByteView(bytes));
  ASSERT_EQ(notes.threads.size(), 2U);
  EXPECT_EQ(notes.threads[0].tid, 7);
  EXPECT_EQ(notes.threads[0].current_signal, 11);
  EXPECT_EQ(notes.threads[0].registers.front(), 100U);
  EXPECT_EQ(notes.threads[1].registers.back(), 226U);
  ASSERT_EQ(notes.files.size(), 2U);
  EXPECT_EQ(notes.files[0].path, "/usr/lib/with space.so");
  EXPECT_EQ(notes.files[0].file_offset, 3U * 4096);
  EXPECT_EQ(notes.files[1].path, "/b");
  EXPECT_EQ(notes.auxv, (std::vector<std::uint64_t>{AT_PAGESZ, 4096})) << "ends at AT_NULL";
  EXPECT_EQ(std::to_integer<int>(notes.siginfo.value().front()), 11);
  EXPECT_EQ(notes.process->pid, 42);
  EXPECT_EQ(notes.process->uid, 1000);
  EXPECT_EQ(notes.process->name, "python3");
  EXPECT_EQ(notes.process->arguments, "python3 train.py");
}

TEST(CoreNotes, AnyPrefixIsDecodedWithoutInventing) {
  const std::string bytes = example_core_notes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const CoreNotes notes = parse_core_notes(ByteView(std::string_view(bytes).substr(0, size)));
    EXPECT_LE(notes.threads.size(), 1U) << "the second thread is the last note";
    for (const CoreThread& t : notes.threads) EXPECT_EQ(t.tid, 7);
  }
}

TEST(CoreNotes, SurvivesRandomDamage) {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = example_core_notes();
    for (int i = 0; i < 4; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    const CoreNotes notes = parse_core_notes(ByteView(bytes), round % 2 == 0 ? 4 : 8);
    EXPECT_LE(notes.threads.size(), 2U);
    EXPECT_LE(notes.files.size(), bytes.size() / 24);
  }
}

TEST(CoreNotes, AbsurdFileCountIsRefused) {
  Bytes files;
  files.put<std::uint64_t>(UINT64_MAX / 24).put<std::uint64_t>(4096).pad(200);
  const Bytes notes = Bytes().note("CORE", NT_FILE, files.str());
  EXPECT_TRUE(parse_core_notes(ByteView(notes.str())).files.empty());
}

TEST(Notes, BuildIdIsFoundBehindOtherNotes) {
  Bytes notes;
  notes.note("stapsdt", 3, "x").note("GNU", NT_GNU_BUILD_ID, std::string("\xab\xcd\x01", 3));
  EXPECT_EQ(build_id_of(ByteView(notes.str()), 4), "abcd01");
  EXPECT_EQ(build_id_of(ByteView(std::string_view("\x04\0\0\0", 4)), 4), "");
}

std::string error_of(const std::string& bytes) {
  const auto header = parse_elf_header(ByteView(bytes), "core.1");
  return header ? "" : header.error().what;
}

std::string elf_header(std::uint8_t elf_class, std::uint16_t machine) {
  return Bytes()
      .text(
          "\x7f"
          "ELF")
      .put(elf_class)
      .put<std::uint8_t>(ELFDATA2LSB)
      .pad(18)
      .put(machine)
      .pad(64)
      .str();
}

TEST(ElfHeader, RefusalsSayWhy) {
  EXPECT_EQ(error_of(elf_header(ELFCLASS64, EM_X86_64)), "");
  EXPECT_EQ(error_of(""), "core.1 is not an ELF file");
  EXPECT_EQ(error_of("#!/bin/sh, a text of some length"), "core.1 is not an ELF file");
  EXPECT_EQ(error_of(elf_header(ELFCLASS32, EM_386)), "core.1 is a 32-bit ELF file: only 64-bit x86-64 is supported");
  EXPECT_NE(error_of(elf_header(ELFCLASS64, EM_AARCH64)).find("another CPU"), std::string::npos);
  EXPECT_EQ(error_of(elf_header(ELFCLASS64, EM_X86_64).substr(0, 40)), "core.1 ends within its ELF header");
  EXPECT_EQ(error_of("\x28\xb5\x2f\xfd and so on, longer"), "core.1 is compressed (zstd)");
}

TEST(ElfFile, ReadsThisProgram) {
  const auto file = ElfFile::open("/proc/self/exe");
  ASSERT_TRUE(file) << file.error().what;
  const auto sections = file->sections();
  const auto text = std::find_if(sections.begin(), sections.end(), [](const auto& s) { return s.name == ".text"; });
  ASSERT_NE(text, sections.end());
  EXPECT_EQ(describe_file_range(*file, text->offset, text->offset + text->size, std::nullopt), ".text");
  EXPECT_EQ(describe_file_range(*file, 0, file->size(), text->offset + 1), ".text");
  EXPECT_EQ(describe_file_range(*file, file->size(), file->size() + 1, std::nullopt), "");
  EXPECT_FALSE(file->segments().empty());
  EXPECT_EQ(file->bytes(file->size() - 1, 100).size(), 1U) << "cut at the end of the file";
  EXPECT_TRUE(file->bytes(UINT64_MAX, 100).empty());
}

TEST(ElfFile, RefusesWhatIsNoRegularElfFile) {
  EXPECT_NE(ElfFile::open("/dev/null").error().what.find("not a regular file"), std::string::npos);
  EXPECT_NE(ElfFile::open("/nonexistent").error().what.find("/nonexistent"), std::string::npos);
  EXPECT_FALSE(ElfFile::open("/proc/self/maps"));
}

TEST(ElfFile, DamagedTablesAreCutNotFollowed) {
  std::string bytes = elf_header(ELFCLASS64, EM_X86_64);
  Elf64_Ehdr header;
  std::copy_n(bytes.data(), sizeof header, reinterpret_cast<char*>(&header));
  header.e_phoff = UINT64_MAX - 8;
  header.e_phnum = PN_XNUM;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_shoff = UINT64_MAX;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 65535;
  bytes.assign(reinterpret_cast<const char*>(&header), sizeof header);
  std::string path = testing::TempDir() + "segwhy-elf-XXXXXX";
  const Fd fd(::mkstemp(path.data()));
  std::ofstream(path) << bytes;
  const auto file = ElfFile::open(path);
  ::unlink(path.c_str());
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->segments().empty());
  EXPECT_TRUE(file->sections().empty());
  EXPECT_EQ(file->build_id(), "");
}

}  // namespace
}  // namespace segwhy
