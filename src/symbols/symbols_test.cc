#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "symbols/module_markers.h"
#include "symbols/packages.h"
#include "symbols/symbol_table.h"
#include "symbols/symbolizer.h"
#include "unit/own_process.h"

namespace segwhy {

// Outside the anonymous namespace, so that its name in the symbol table is known here.
int symbols_test_global = 7;

[[gnu::noinline]] void* symbols_test_return_address() {
  return __builtin_return_address(0);
}
[[gnu::always_inline]] inline void* symbols_test_inlined() {
  return symbols_test_return_address();  // line A
}
[[gnu::noinline]] void* symbols_test_outer() {
  void* out = symbols_test_inlined();            // line B
  symbols_test_global = out == nullptr ? 0 : 7;  // keeps the call above from being the last thing done
  return out;
}

namespace {

namespace fs = std::filesystem;

struct SymbolizerTest : testing::Test {
  test::OwnProcess own;
  Symbolizer symbolizer = std::move(*Symbolizer::open(own.snapshot));
};

template <class T>
TargetAddr address_of(T* pointer) {
  return TargetAddr(reinterpret_cast<std::uint64_t>(pointer));
}

TEST_F(SymbolizerTest, InlinedFunctionsComeFirst) {
  const auto frames = symbolizer.resolve({{address_of(symbols_test_outer()), true}});
  ASSERT_EQ(frames.size(), 1U);
  ASSERT_EQ(frames[0].size(), 2U);
  const NativeFrame& inner = frames[0][0];
  const NativeFrame& outer = frames[0][1];
  EXPECT_TRUE(inner.inlined);
  EXPECT_EQ(inner.function, "segwhy::symbols_test_inlined()");
  EXPECT_EQ(inner.short_name, "segwhy::symbols_test_inlined");
  EXPECT_FALSE(outer.inlined);
  EXPECT_EQ(outer.function, "segwhy::symbols_test_outer()");
  EXPECT_EQ(outer.symbol, "_ZN6segwhy18symbols_test_outerEv");
  for (const NativeFrame& f : frames[0]) EXPECT_TRUE(f.file.ends_with("symbols_test.cc")) << f.file;
  ASSERT_TRUE(inner.line && outer.line);
  EXPECT_EQ(*outer.line - *inner.line, 3) << "lines A and B above";
}

TEST_F(SymbolizerTest, AnswersKeepTheOrderAndRepeatsOfTheQuestions) {
  void* libc = ::dlsym(RTLD_DEFAULT, "getpid");
  const TargetAddr here = address_of(reinterpret_cast<void*>(&symbols_test_outer));
  const auto frames =
      symbolizer.resolve({{here, false}, {address_of(libc), false}, {TargetAddr(16), false}, {here, false}});
  ASSERT_EQ(frames.size(), 4U);
  EXPECT_EQ(frames[0].back().function, "segwhy::symbols_test_outer()");
  EXPECT_EQ(frames[0].back().function_offset, 0U);
  EXPECT_NE(frames[1].back().function.find("getpid"), std::string::npos);
  EXPECT_NE(frames[1].back().module.find("libc"), std::string::npos);
  ASSERT_EQ(frames[2].size(), 1U) << "an address without a module still has a frame";
  EXPECT_TRUE(frames[2][0].module.empty() && frames[2][0].function.empty());
  EXPECT_EQ(frames[2][0].pc, 16U);
  EXPECT_EQ(frames[3].back().function, frames[0].back().function);
}

TEST_F(SymbolizerTest, FindsExportedAndLocalSymbolsAndNothingElse) {
  EXPECT_EQ(symbolizer.find("getpid", "libc"), address_of(::dlsym(RTLD_DEFAULT, "getpid")));
  EXPECT_EQ(symbolizer.find("_ZN6segwhy19symbols_test_globalE"), address_of(&symbols_test_global));
  EXPECT_EQ(symbolizer.find("getpid", "no such module"), std::nullopt);
  EXPECT_EQ(symbolizer.find("segwhy_symbol_that_is_not_there"), std::nullopt);
  EXPECT_EQ(symbolizer.find(""), std::nullopt);
}

TEST_F(SymbolizerTest, DataHasSymbolsToo) {
  const auto symbol = symbolizer.symbol_at(address_of(&symbols_test_global) + 2);
  ASSERT_TRUE(symbol);
  EXPECT_EQ(symbol->demangled, "segwhy::symbols_test_global");
  EXPECT_EQ(symbol->offset, 2U);
  EXPECT_EQ(symbolizer.symbol_at(TargetAddr(16)), std::nullopt);
}

TEST_F(SymbolizerTest, TheVdsoIsReadFromMemory) {
  const auto clock = symbolizer.find("__vdso_clock_gettime");
  ASSERT_TRUE(clock) << "no vDSO in this process?";
  const auto frames = symbolizer.resolve({{*clock, false}});
  EXPECT_EQ(frames[0].back().module, "[vdso]");
  EXPECT_NE(frames[0].back().function.find("clock_gettime"), std::string::npos);
}

TEST_F(SymbolizerTest, ModulesAreDescribed) {
  const std::vector<Module> modules = symbolizer.modules();
  const auto by_soname = [&](const std::string& soname) {
    return std::find_if(modules.begin(), modules.end(), [&](const Module& m) { return m.soname == soname; });
  };
  const auto libc = by_soname("libc.so.6");
  ASSERT_NE(libc, modules.end());
  EXPECT_TRUE(std::count(libc->markers.begin(), libc->markers.end(), "malloc") == 0)
      << "the system's allocator is none";
  const auto runtime = by_soname("libstdc++.so.6");
  ASSERT_NE(runtime, modules.end());
  EXPECT_EQ(runtime->markers, std::vector<std::string>{"cxx-runtime:libstdc++"});
  EXPECT_TRUE(std::count(runtime->needed.begin(), runtime->needed.end(), "libc.so.6") == 1);
}

TEST_F(SymbolizerTest, DeletedLibrariesAreReadFromMemory) {
  for (Mapping& m : own.snapshot.mappings) m.deleted = true;
  Symbolizer from_memory = std::move(*Symbolizer::open(own.snapshot));
  void* function = ::dlsym(RTLD_DEFAULT, "getpid");
  EXPECT_EQ(from_memory.find("getpid", "libc"), address_of(function));
  const auto frames = from_memory.resolve({{address_of(function), false}});
  EXPECT_NE(frames[0].back().function.find("getpid"), std::string::npos);
}

TEST_F(SymbolizerTest, ReplacedFilesAreNotTakenForWhatIsMapped) {
  // Under another root, the program's path holds another program: the test must not believe its symbols.
  const fs::path root = fs::path(testing::TempDir()) / ("root-" + std::to_string(::getpid()));
  const fs::path program = fs::canonical("/proc/self/exe");
  const fs::path impostor = root / program.relative_path();
  fs::create_directories(impostor.parent_path());
  fs::copy_file("/bin/true", impostor);
  own.snapshot.root = root.string();
  Symbolizer confused = std::move(*Symbolizer::open(own.snapshot));
  const auto frames = confused.resolve({{address_of(reinterpret_cast<void*>(&symbols_test_outer)), false}});
  EXPECT_EQ(frames[0].back().module, program.string());
  EXPECT_TRUE(frames[0].back().function.empty()) << frames[0].back().function;
  fs::remove_all(root);
}

// --- the choice of a symbol ----------------------------------------------------------------------------------------

class TableBuilder {
 public:
  TableBuilder& add(const std::string& name, std::uint64_t value, std::uint64_t size, unsigned bind, unsigned type,
                    std::uint16_t section = 1) {
    Elf64_Sym s{};
    s.st_name = static_cast<Elf64_Word>(strings_.size());
    s.st_value = value;
    s.st_size = size;
    s.st_info = static_cast<unsigned char>(ELF64_ST_INFO(bind, type));
    s.st_shndx = section;
    symbols_.push_back(s);
    strings_ += name;
    strings_ += '\0';
    return *this;
  }
  std::string best(std::uint64_t address, SymbolKinds kinds = SymbolKinds::kCode) const {
    const SymbolTable table{std::as_bytes(std::span(symbols_)), std::as_bytes(std::span(strings_))};
    const auto image = ElfImage::open_file("/proc/self/exe");  // only its sections matter, for labels without size
    const std::array<std::uint64_t, 1> wanted = {address};
    const auto hits = symbols_at(table, *image, wanted, kinds);
    return hits[0] ? std::string(hits[0]->name) : "";
  }

 private:
  std::vector<Elf64_Sym> symbols_;
  std::string strings_ = std::string(1, '\0');
};

TEST(SymbolsAt, SizeDecides) {
  TableBuilder table;
  table.add("f", 0x1000, 0x10, STB_GLOBAL, STT_FUNC);
  EXPECT_EQ(table.best(0x1000), "f");
  EXPECT_EQ(table.best(0x100f), "f");
  EXPECT_EQ(table.best(0x1010), "") << "just behind";
  EXPECT_EQ(table.best(0xfff), "");
}

TEST(SymbolsAt, InnermostThenGlobalThenPlain) {
  TableBuilder table;
  table.add("outer", 0x1000, 0x100, STB_GLOBAL, STT_FUNC).add("inner", 0x1040, 0x10, STB_LOCAL, STT_FUNC);
  EXPECT_EQ(table.best(0x1044), "inner");
  EXPECT_EQ(table.best(0x1080), "outer");

  TableBuilder aliases;
  aliases.add("local", 0x1000, 0x10, STB_LOCAL, STT_FUNC)
      .add("__reserved", 0x1000, 0x10, STB_GLOBAL, STT_FUNC)
      .add("plain", 0x1000, 0x10, STB_GLOBAL, STT_FUNC)
      .add("weak", 0x1000, 0x10, STB_WEAK, STT_FUNC);
  EXPECT_EQ(aliases.best(0x1008), "plain");
}

TEST(SymbolsAt, OnlyCodeUnlessAsked) {
  TableBuilder table;
  table.add("data", 0x1000, 0x10, STB_GLOBAL, STT_OBJECT)
      .add("imported", 0x1000, 0x10, STB_GLOBAL, STT_FUNC, SHN_UNDEF)
      .add("thread_local", 0x1000, 0x10, STB_GLOBAL, STT_TLS);
  EXPECT_EQ(table.best(0x1000), "");
  EXPECT_EQ(table.best(0x1000, SymbolKinds::kAny), "data");
}

TEST(SymbolsAt, GarbageEntriesAreHarmless) {
  TableBuilder table;
  table.add("wraps", 0xfffffffffffffff0, 0x100, STB_GLOBAL, STT_FUNC).add("f", 0x1000, 0x10, STB_GLOBAL, STT_FUNC);
  table.add("no section", 0x900, 0, STB_LOCAL, STT_NOTYPE, 0x7fff);
  EXPECT_EQ(table.best(0x1001), "f");
  EXPECT_EQ(table.best(0x8), "");
}

// --- packages ------------------------------------------------------------------------------------------------------

class SitePackages {
 public:
  SitePackages() { fs::create_directories(site()); }
  ~SitePackages() { fs::remove_all(root_); }
  [[nodiscard]] fs::path site() const { return root_ / "lib/python3.11/site-packages"; }
  void distribution(const std::string& folder, const std::string& metadata, const std::string& record) const {
    const fs::path info = site() / folder;
    fs::create_directories(info);
    std::ofstream(info / "METADATA") << metadata;
    if (!record.empty()) std::ofstream(info / "RECORD") << record;
  }

 private:
  fs::path root_ = fs::path(testing::TempDir()) / ("site-" + std::to_string(::getpid()));
};

TEST(PackageIndex, RecordDecidesWhoOwnsAFile) {
  const SitePackages packages;
  packages.distribution("tensorflow_cpu-2.8.0.dist-info", "Metadata-Version: 2.1\nName: tensorflow-cpu\n",
                        "tensorflow/__init__.py,sha256=x,1\ntensorflow/python/_pywrap_tfe.so,sha256=x,1\n");
  packages.distribution("protobuf-3.20.3.dist-info", "Name: protobuf\n", "google/protobuf/pyext/_message.so,,\n");
  packages.distribution("numpy-1.24.4.dist-info", "Name: numpy\n", "numpy.libs/libopenblas64_.so,,\nnumpy/a.so,,\n");
  PackageIndex index("");
  const auto owner = [&](const std::string& file) {
    const auto found = index.owner((packages.site() / file).string());
    return found ? found->name + " " + found->version : "";
  };
  EXPECT_EQ(owner("tensorflow/python/_pywrap_tfe.so"), "tensorflow-cpu 2.8.0");
  EXPECT_EQ(owner("google/protobuf/pyext/_message.so"), "protobuf 3.20.3");
  EXPECT_EQ(owner("numpy.libs/libopenblas64_.so"), "numpy 1.24.4");
  EXPECT_EQ(owner("numpy/unlisted.so"), "") << "listed by nobody: built by hand";
  EXPECT_EQ(owner("umpy/a.so"), "") << "the end of a listed path is not that path";
  EXPECT_EQ(index.owner("/usr/lib/libc.so.6"), std::nullopt);
}

TEST(PackageIndex, WithoutARecordTheNameDecides) {
  const SitePackages packages;
  packages.distribution("Some_Package-1.0.dist-info", "Name: some.package\n", "");
  PackageIndex index("");
  const auto found = index.owner((packages.site() / "some_package/x.so").string());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "some.package");
}

// --- markers -------------------------------------------------------------------------------------------------------

std::vector<std::string> markers_of(const char* path, const std::string& as_path) {
  const auto image = ElfImage::open_file(path);
  EXPECT_TRUE(image.has_value());
  Module module;
  module.path = as_path;
  return module_markers(*image, module);
}

TEST(ModuleMarkers, WhatALibraryContains) {
  EXPECT_EQ(markers_of(SEGWHY_MARKER_RUNTIME, "/lib/libanything.so"),
            (std::vector<std::string>{"openmp:gomp", "protobuf:6.31.1", "hdf5:1.14.2", "malloc"}));
}

TEST(ModuleMarkers, UsingALibraryIsNotContainingIt) {
  EXPECT_EQ(markers_of(SEGWHY_MARKER_USER, "/x/marker_user.cpython-311-x86_64-linux-gnu.so"),
            (std::vector<std::string>{"numpy-c-api:1", "pybind11:v4_gcc_libstdcpp_cxxabi1011", "cython:3.0.10",
                                      "tensorflow-op"}));
  EXPECT_EQ(markers_of(SEGWHY_MARKER_USER, "/x/other_name.so"), std::vector<std::string>{"tensorflow-op"})
      << "no Python extension by that name";
}

}  // namespace
}  // namespace segwhy
