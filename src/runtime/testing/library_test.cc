// The link gate: what libsegwhy.so depends on, exports and runs by itself when it is loaded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "runtime/testing/fake_monitor.h"

namespace segwhy::runtime::testing {
namespace {

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string text;
  std::array<char, 4096> buffer{};
  while (const std::size_t count = fread(buffer.data(), 1, buffer.size(), pipe.get()))
    text.append(buffer.data(), count);
  return text;
}

std::set<std::string> matches(const std::string& text, const std::string& pattern) {
  const std::regex expression(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at) found.insert((*at)[1]);
  return found;
}

TEST(Library, DependsOnLibcAlone) {
  const std::string dynamic = output_of("readelf -dW '" + library_path() + "'");
  EXPECT_THAT(matches(dynamic, R"(NEEDED\)\s+Shared library: \[([^\]]+)\])"),
              ::testing::IsSubsetOf({"libc.so.6", "ld-linux-x86-64.so.2"}));
}

TEST(Library, ExportsTheInterposedSymbolsAndNoOther) {
  std::ifstream map(SEGWHY_RUNTIME_EXPORTS);
  std::stringstream text;
  text << map.rdbuf();
  const std::string all = text.str();
  const std::string list = all.substr(all.find("global:") + 7, all.find("local:") - all.find("global:") - 7);
  const std::set<std::string> wanted = matches(list, R"((\w+);)");
  ASSERT_GT(wanted.size(), 30u);
  const std::string symbols = output_of("nm -D --defined-only '" + library_path() + "'");
  EXPECT_EQ(matches(symbols, R"(\w+ \w (\S+))"), wanted);
}

TEST(Library, HasOneInitialiser) {
  // The other entry is the compiler's own frame_dummy, which does nothing here.
  const std::string sections = output_of("readelf -SW '" + library_path() + "'");
  EXPECT_THAT(matches(sections, R"(\.init_array\s+INIT_ARRAY\s+\w+ \w+ (\w+))"), ::testing::ElementsAre("000010"));
  EXPECT_THAT(sections, ::testing::Not(::testing::HasSubstr(".ctors")));
}

TEST(Library, TakesLittleThreadLocalStorageAndThatAtLoad) {
  const std::string headers = output_of("readelf -lW '" + library_path() + "'");
  const std::set<std::string> sizes = matches(headers, R"(TLS\s+0x\w+ 0x\w+ 0x\w+ 0x\w+ 0x(\w+))");
  ASSERT_EQ(sizes.size(), 1u);
  // What a thread's signals need, and the account's countdown of bytes.
  EXPECT_LE(std::stoul(*sizes.begin(), nullptr, 16), 64u + 8u);
  EXPECT_THAT(output_of("readelf -rW '" + library_path() + "'"), ::testing::Not(::testing::HasSubstr("DTPMOD")));
}

TEST(Library, KnowsNoSanitizerAndNoHeap) {
  const std::string symbols = output_of("nm -D -u '" + library_path() + "'");
  for (const char* const name : {"asan", "ubsan", "tsan", "malloc", "calloc", "free@", "_Zn", "__cxa_throw"}) {
    EXPECT_THAT(symbols, ::testing::Not(::testing::HasSubstr(name)));
  }
}

TEST(Library, IsInertWithoutASession) {
  Program program = subject({"view-initial"});
  const Outcome plain = FakeMonitor::run_plain(program);
  program.environment["LD_PRELOAD"] = library_path();
  for (const char* const where : {"", "1:99999", "0:0", "x", "99999999999999999999:3", ":", "1:"}) {
    program.environment["SEGWHY_SESSION"] = where;
    program.environment["SEGWHY_SESSION_FD"] = "0";
    const Outcome inert = FakeMonitor::run_plain(program);
    EXPECT_EQ(inert.status, plain.status);
    EXPECT_EQ(inert.output, plain.output);
    EXPECT_EQ(inert.error_output, plain.error_output);
  }
}

}  // namespace
}  // namespace segwhy::runtime::testing
