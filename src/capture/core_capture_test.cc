// capture_core on cores that the kernel and gcore wrote, with gdb as the judge of their contents.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/text.h"
#include "capture/capture.h"
#include "capture/core_mappings.h"
#include "capture/maps.h"
#include "capture/test_process.h"

namespace segwhy {
namespace {

using testing_support::ChildProcess;
using testing_support::Shared;
using testing_support::wait_until;

constexpr std::uint64_t kBadAddress = 0x123450;
constexpr std::uint64_t kMagic = 0x5e6711e4a11ce5;
const char kConstantText[] = "left out of cores: unchanged and of a file";
std::atomic<int> g_written{0};

class Directory {
 public:
  Directory() {
    std::string name = testing::TempDir() + "segwhy-core-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // The core file written here, empty when there is none.
  [[nodiscard]] std::string core() const {
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      if (entry.path().filename().string().starts_with("core")) return entry.path();
    }
    return {};
  }

 private:
  std::filesystem::path path_;
};

std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen(command.c_str(), "r");
  char buffer[4096];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, n);
  ::pclose(pipe);
  return out;
}

bool has_tool(const std::string& name) {
  return std::system(("command -v " + name + " >/dev/null 2>&1").c_str()) == 0;
}

void allow_cores(const std::filesystem::path& directory) {
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  ::setrlimit(RLIMIT_CORE, &unlimited);
  if (::chdir(directory.c_str()) != 0) ::_exit(1);
}

// Two more threads, then a write to kBadAddress with a known register.
int crash_with_threads(const std::filesystem::path& directory) {
  allow_cores(directory);
  g_written = 7;
  std::atomic<int> ready{0};
  const auto block = [&] {
    ++ready;
    for (;;) ::pause();
  };
  std::thread first(block);
  std::thread second(block);
  wait_until([&] { return ready == 2; });
  asm volatile("mov %0, %%r12\nmovl $1, (%1)\n" : : "r"(kMagic), "r"(kBadAddress) : "r12", "memory");
  return 0;
}

// AddressSanitizer forbids cores and its shadow makes them terabytes long.
#ifdef __SANITIZE_ADDRESS__
#define NOT_UNDER_ADDRESS_SANITIZER() GTEST_SKIP() << "this program cannot dump core under AddressSanitizer"
#else
#define NOT_UNDER_ADDRESS_SANITIZER() static_cast<void>(0)
#endif

#define REQUIRE_CORE(directory)                                                                      \
  if ((directory).core().empty()) {                                                                  \
    GTEST_SKIP() << "the kernel wrote no core into the working directory: kernel.core_pattern is \"" \
                 << trim(read_proc("/proc/sys/kernel/core_pattern")) << "\"";                        \
  }

TEST(CaptureCore, OfACrashedProcess) {
  NOT_UNDER_ADDRESS_SANITIZER();
  const Directory directory;
  ChildProcess child([&] { return crash_with_threads(directory.path()); });
  (void)child.wait();
  REQUIRE_CORE(directory);
  const auto capture = capture_core(directory.core());
  ASSERT_TRUE(capture) << capture.error().what;
  EXPECT_STREQ((*capture)->backend(), "core");
  EXPECT_THAT((*capture)->notes(), testing::IsEmpty());
  const Snapshot& s = (*capture)->snapshot();
  EXPECT_EQ(s.pid, child.pid());
  EXPECT_EQ(s.executable, read_link("/proc/self/exe"));
  ASSERT_EQ(s.threads.size(), 3U);
  EXPECT_TRUE(s.threads[0].crashed);
  EXPECT_EQ(s.threads[0].tid, child.pid());
  EXPECT_EQ(s.threads[0].registers.dwarf[Registers::kR12], kMagic);
  for (const ThreadSnapshot& t : s.threads) {
    EXPECT_LT(t.stack_start, t.registers.sp());
    EXPECT_GT(t.stack_end, t.registers.sp());
  }
  EXPECT_EQ(s.mapping_of(s.threads[0].registers.sp())->path, "[stack]");
  ASSERT_TRUE(s.signal);
  EXPECT_EQ(s.signal->number, SIGSEGV);
  EXPECT_EQ(s.signal->code, SEGV_MAPERR);
  EXPECT_EQ(s.signal->address.value(), kBadAddress);
  // The child was forked from here: the same addresses hold the same program.
  const auto at = [](const void* p) { return TargetAddr(reinterpret_cast<std::uintptr_t>(p)); };
  EXPECT_EQ(s.memory->c_string(at(kConstantText)), kConstantText);
  EXPECT_EQ(s.memory->value<int>(at(&g_written)), 7) << "its own copy, not the file's";
  const auto* code = reinterpret_cast<const std::byte*>(&crash_with_threads);
  const auto bytes = s.memory->bytes(at(code), 64);
  ASSERT_TRUE(bytes);
  EXPECT_TRUE(std::equal(bytes->begin(), bytes->end(), code));
  EXPECT_FALSE(s.memory->value<int>(TargetAddr(kBadAddress)));
}

std::string gdb_command(const std::string& program, const std::string& core) {
  return "gdb -nx -batch -iex 'set auto-load off' -iex 'set debuginfod enabled off' " + program + " " + core + " ";
}

// By thread id, from "Thread 1 (Thread 0x7f... (LWP 12)):" or "(LWP 12):" headers and "rax  0x1234  4660" lines.
std::map<int, std::map<std::string, std::uint64_t>> gdb_registers(const std::string& program, const std::string& core) {
  std::map<int, std::map<std::string, std::uint64_t>> out;
  int tid = 0;
  std::istringstream lines(output_of(gdb_command(program, core) + "-ex 'thread apply all info registers' 2>/dev/null"));
  for (std::string line; std::getline(lines, line);) {
    const auto lwp = line.find("LWP ");
    if (line.starts_with("Thread ") && lwp != std::string::npos) tid = std::atoi(line.c_str() + lwp + 4);
    std::istringstream words(line);
    std::string name;
    std::string value;
    if (tid != 0 && words >> name >> value && value.starts_with("0x")) {
      out[tid][name] = parse_number(value.substr(2), 16).value_or(0);
    }
  }
  return out;
}

// The same threads as gdb sees, with the same registers.
void compare_with_gdb(const Snapshot& s, const std::string& program, const std::string& core) {
  const auto by_thread = gdb_registers(program, core);
  EXPECT_EQ(by_thread.size(), s.threads.size());
  for (const ThreadSnapshot& t : s.threads) {
    ASSERT_TRUE(by_thread.contains(t.tid)) << t.tid;
    static constexpr const char* kNames[] = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8",
                                             "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rip"};
    for (std::size_t i = 0; i < std::size(kNames); ++i) {
      EXPECT_EQ(by_thread.at(t.tid).at(kNames[i]), t.registers.dwarf[i]) << kNames[i] << " of " << t.tid;
    }
    EXPECT_EQ(by_thread.at(t.tid).at("eflags"), t.registers.eflags);
  }
}

TEST(CaptureCore, AgreesWithGdb) {
  NOT_UNDER_ADDRESS_SANITIZER();
  if (!has_tool("gdb")) GTEST_SKIP() << "no gdb to compare with";
  const Directory directory;
  ChildProcess child([&] { return crash_with_threads(directory.path()); });
  (void)child.wait();
  REQUIRE_CORE(directory);
  const auto capture = capture_core(directory.core());
  ASSERT_TRUE(capture) << capture.error().what;
  const Snapshot& s = (*capture)->snapshot();
  const std::string program = read_link("/proc/self/exe");
  compare_with_gdb(s, program, directory.core());
  const std::string siginfo = output_of(gdb_command(program, directory.core()) +
                                        "-ex 'p $_siginfo.si_signo' -ex 'p $_siginfo.si_code' "
                                        "-ex 'p/x (long)$_siginfo._sifields._sigfault.si_addr' 2>/dev/null");
  EXPECT_THAT(siginfo, testing::HasSubstr("$1 = " + std::to_string(s.signal->number)));
  EXPECT_THAT(siginfo, testing::HasSubstr("$2 = " + std::to_string(s.signal->code)));
  EXPECT_THAT(siginfo, testing::HasSubstr("$3 = " + hex(s.signal->address.value())));
}

// The python3 of PATH itself, behind wrapper scripts.
std::string python_program() {
  return output_of("python3 -c 'import os; print(os.path.realpath(\"/proc/self/exe\"), end=\"\")' 2>/dev/null");
}

// Lets python with three waiting threads read a bad pointer in `directory`.
void crash_python(const std::string& program, const std::filesystem::path& directory) {
  ChildProcess child([&] {
    allow_cores(directory);
    return ::execl(program.c_str(), "python3", "-c",
                   "import ctypes, threading\n"
                   "e = threading.Event()\n"
                   "[threading.Thread(target=e.wait, daemon=True).start() for _ in range(3)]\n"
                   "ctypes.string_at(8)\n",
                   static_cast<char*>(nullptr));
  });
  (void)child.wait();
}

TEST(CaptureCore, OfPythonAgreesWithGdb) {
  const std::string program = python_program();
  if (!has_tool("gdb") || program.empty()) GTEST_SKIP() << "no gdb or no python3 on PATH";
  const Directory directory;
  crash_python(program, directory.path());
  REQUIRE_CORE(directory);
  const auto capture = capture_core(directory.core());
  ASSERT_TRUE(capture) << capture.error().what;
  const Snapshot& s = (*capture)->snapshot();
  EXPECT_EQ(s.threads.size(), 4U);
  EXPECT_EQ(s.signal->address.value(), 8U);
  EXPECT_EQ(s.executable, program);
  compare_with_gdb(s, program, directory.core());
}

TEST(CaptureCore, GcoreOfALiveProcessHasNoCrash) {
  NOT_UNDER_ADDRESS_SANITIZER();
  if (!has_tool("gcore")) GTEST_SKIP() << "no gcore";
  const Directory directory;
  const Shared<std::atomic<int>> ready;
  const ChildProcess child([&] {
    std::thread other([&] {
      *ready = 1;
      for (;;) ::pause();
    });
    for (;;) ::pause();
    return 0;
  });
  wait_until([&] { return *ready == 1; });
  (void)output_of("gcore -o " + (directory.path() / "core").string() + " " + std::to_string(child.pid()) + " 2>&1");
  ASSERT_FALSE(directory.core().empty());
  const auto capture = capture_core(directory.core());
  ASSERT_TRUE(capture) << capture.error().what;
  const Snapshot& s = (*capture)->snapshot();
  EXPECT_EQ(s.crashed_thread(), nullptr);
  EXPECT_FALSE(s.signal);
  EXPECT_EQ(s.pid, child.pid());
  EXPECT_EQ(s.threads.size(), 2U);
  EXPECT_EQ(s.threads[0].tid, child.pid()) << "the main thread first";
  EXPECT_EQ(s.memory->c_string(TargetAddr(reinterpret_cast<std::uintptr_t>(kConstantText))), kConstantText);
}

TEST(CaptureCore, TruncatedCoresGiveWhatTheyHave) {
  const std::string program = python_program();
  if (program.empty()) GTEST_SKIP() << "no python3 on PATH";
  const Directory directory;
  crash_python(program, directory.path());
  REQUIRE_CORE(directory);
  const std::string core = directory.core();
  std::filesystem::resize_file(core, std::filesystem::file_size(core) / 2);
  {
    const auto capture = capture_core(core);
    ASSERT_TRUE(capture) << capture.error().what;
    EXPECT_THAT((*capture)->notes(), testing::Contains(testing::HasSubstr("truncated")));
    EXPECT_EQ((*capture)->snapshot().threads.size(), 4U);
    EXPECT_FALSE((*capture)->snapshot().memory->value<int>((*capture)->snapshot().threads[0].registers.sp()))
        << "the main stack comes last";
  }
  for (const std::size_t size :
       {std::size_t{5000}, std::size_t{3000}, std::size_t{200}, std::size_t{64}, std::size_t{10}, std::size_t{0}}) {
    std::filesystem::resize_file(core, size);
    if (const auto capture = capture_core(core)) {
      EXPECT_FALSE((*capture)->snapshot().threads.empty());
    } else {
      EXPECT_NE(capture.error().what.find(core), std::string::npos) << capture.error().what;
    }
  }
}

// Path of a shared library in this process whose name contains `part`.
std::string own_library(std::string_view part) {
  for (const Mapping& m : parse_maps(read_proc("/proc/self/maps"))) {
    if (m.path.find(part) != std::string::npos) return m.path;
  }
  return {};
}

TEST(CaptureCore, AReplacedLibraryIsNotReadInPlaceOfTheOldOne) {
  NOT_UNDER_ADDRESS_SANITIZER();
  const Directory directory;
  const std::string library = directory.path() / "library.so";
  std::filesystem::copy_file(own_library("libgcc_s"), library);
  const Shared<std::atomic<std::uintptr_t>> code;
  ChildProcess child([&] {
    void* handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    *code = reinterpret_cast<std::uintptr_t>(::dlsym(handle, "_Unwind_Backtrace"));
    return crash_with_threads(directory.path());
  });
  (void)child.wait();
  REQUIRE_CORE(directory);
  const TargetAddr at(*code);
  ASSERT_FALSE(at.is_null());
  {
    const auto capture = capture_core(directory.core());
    ASSERT_TRUE(capture);
    EXPECT_TRUE((*capture)->snapshot().memory->value<int>(at));
    EXPECT_EQ((*capture)->snapshot().mapping_of(at)->path, library);
  }
  std::filesystem::copy_file(own_library("libstdc++"), library, std::filesystem::copy_options::overwrite_existing);
  {
    const auto capture = capture_core(directory.core());
    ASSERT_TRUE(capture);
    EXPECT_FALSE((*capture)->snapshot().memory->value<int>(at)) << "another build-id";
    EXPECT_THAT((*capture)->notes(), testing::ElementsAre(testing::HasSubstr(library)));
  }
}

TEST(CaptureCore, WhatIsNoCoreIsRefused) {
  const auto error = [](const std::string& path) {
    const auto capture = capture_core(path);
    return capture ? "" : capture.error().what;
  };
  EXPECT_THAT(error("/proc/self/exe"), testing::HasSubstr("not a core file"));
  EXPECT_THAT(error("/nonexistent"), testing::HasSubstr("/nonexistent"));
  EXPECT_THAT(error("/proc/self/maps"), testing::HasSubstr("is not an ELF file"));
}

Elf64_Phdr load(std::uint64_t start, std::uint64_t size, std::uint32_t flags) {
  Elf64_Phdr segment{};
  segment.p_type = PT_LOAD;
  segment.p_vaddr = start;
  segment.p_memsz = size;
  segment.p_flags = flags;
  return segment;
}

TEST(CoreMappings, SegmentsAndFilesAreBroughtTogether) {
  CoreNotes notes;
  notes.files = {{0x1000, 0x3000, 0, "/lib/a.so"},
                 {0x3000, 0x4000, 0x2000, "/lib/a.so (deleted)"},
                 {0x9000, 0xa000, 0, "/data"},
                 {0xb000, 0xb000, 0, "/empty"}};
  notes.auxv = {AT_RANDOM, 0x7009, AT_SYSINFO_EHDR, 0x8000};
  const auto maps = core_mappings(
      {load(0x7000, 0x1000, PF_R | PF_W), load(0x1000, 0x1000, PF_R), load(0x2000, 0x1000, PF_R | PF_X),
       load(0x3000, 0x1000, PF_R | PF_W), load(0x8000, 0x1000, PF_R | PF_X), load(UINT64_MAX - 10, 0x1000, PF_R)},
      notes);
  ASSERT_EQ(maps.size(), 6U);
  EXPECT_EQ(maps[0].path, "/lib/a.so");
  EXPECT_EQ(maps[1].path, "/lib/a.so") << "one file entry over two segments";
  EXPECT_EQ(maps[1].file_offset, 0x1000U);
  EXPECT_TRUE(maps[1].executable);
  EXPECT_EQ(maps[2].path, "/lib/a.so");
  EXPECT_TRUE(maps[2].deleted);
  EXPECT_EQ(maps[2].file_offset, 0x2000U);
  EXPECT_EQ(maps[3].path, "[stack]");
  EXPECT_EQ(maps[4].path, "[vdso]");
  EXPECT_EQ(maps[5].path, "/data") << "without a segment";
  EXPECT_FALSE(maps[5].writable);
}

}  // namespace
}  // namespace segwhy
