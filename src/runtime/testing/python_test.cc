// Real Pythons under the runtime: faulthandler and signal.signal work as plain, deaths are handed over.
//
// Interpreters: those that SEGWHY_TEST_PYTHONS lists (colon-separated), else each python3.N on PATH and in pyenv's
// versions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "runtime/testing/fake_monitor.h"

namespace segwhy::runtime::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<std::string> split(const char* list) {
  std::vector<std::string> parts;
  std::istringstream stream(list != nullptr ? list : "");
  for (std::string part; std::getline(stream, part, ':');) parts.push_back(part);
  return parts;
}

std::vector<std::string> candidates() {
  if (const char* const listed = getenv("SEGWHY_TEST_PYTHONS")) return split(listed);
  std::vector<std::string> directories = split(getenv("PATH"));
  const char* const root = getenv("PYENV_ROOT");
  const char* const home = getenv("HOME");
  const std::filesystem::path pyenv = root != nullptr ? root : std::string(home != nullptr ? home : "") + "/.pyenv";
  std::error_code error;
  for (const auto& version : std::filesystem::directory_iterator(pyenv / "versions", error)) {
    directories.push_back(version.path() / "bin");
  }
  std::vector<std::string> found;
  for (const std::string& directory : directories) {
    for (int minor = 8; minor <= 14; ++minor) {
      const std::string path = directory + "/python3." + std::to_string(minor);
      if (access(path.c_str(), X_OK) == 0) found.push_back(path);
    }
  }
  return found;
}

// The interpreters themselves: what is on PATH can be a script in front of one, or of none.
const std::set<std::string>& pythons() {
  static const std::set<std::string> usable = [] {
    std::set<std::string> found;
    for (const std::string& python : candidates()) {
      const Outcome asked = FakeMonitor::run_plain(
          {{python, "-c", "import ctypes, faulthandler, os, sys; print(os.path.realpath(sys.executable), end='')"},
           {},
           {}});
      if (asked.exit_code() == 0) found.insert(asked.output);
    }
    return found;
  }();
  return usable;
}

// Addresses and thread ids differ from run to run.
std::string without_addresses(const std::string& text) {
  return std::regex_replace(text, std::regex("0x[0-9a-f]+"), "ADDRESS");
}

struct Script {
  const char* text;
  int signal;                 // 0: it survives
  std::vector<bool> handled;  // of each hand-over
};

void PrintTo(const Script& script, std::ostream* out) {
  *out << script.text;
}

class Python : public ::testing::TestWithParam<Script> {};

TEST_P(Python, BehavesAsPlain) {
  if (pythons().empty()) GTEST_SKIP() << "no Python 3.8 to 3.14 found";
  for (const std::string& python : pythons()) {
    const Program program{{python, "-c", GetParam().text}, {}, {}};
    const Outcome plain = FakeMonitor::run_plain(program);
    FakeMonitor monitor(FakeMonitor::Slots::kKeep);
    const Outcome outcome = monitor.run(program);
    EXPECT_EQ(outcome.status, plain.status) << python;
    EXPECT_EQ(outcome.signal(), GetParam().signal) << python;
    EXPECT_EQ(outcome.output, plain.output) << python;
    EXPECT_EQ(without_addresses(outcome.error_output), without_addresses(plain.error_output)) << python;
    std::vector<bool> handled;
    for (const Crash& crash : outcome.crashes) handled.push_back(crash.handled);
    EXPECT_EQ(handled, GetParam().handled) << python;
    if (outcome.crashes.size() == 2) {
      EXPECT_EQ(outcome.crashes[1].follows, outcome.crashes[0].slot + 1);
    }
    ASSERT_FALSE(monitor.processes().empty());
    EXPECT_EQ(monitor.ring_text(*monitor.processes()[0]), outcome.error_output) << python;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Runtime, Python,
    ::testing::Values(
        Script{"import ctypes; ctypes.string_at(0)", SIGSEGV, {false}},
        Script{
            "import faulthandler; faulthandler.enable(); import ctypes; ctypes.string_at(0)", SIGSEGV, {true, false}},
        Script{"import faulthandler, os; faulthandler.enable(); os.abort()", SIGABRT, {true, false}},
        Script{"import faulthandler; faulthandler.enable(); faulthandler._sigfpe()", SIGFPE, {true, false}},
        Script{"import faulthandler; faulthandler.enable(); faulthandler._stack_overflow()", SIGSEGV, {true, false}},
        Script{"import faulthandler, threading, ctypes; faulthandler.enable(all_threads=False)\n"
               "t = threading.Thread(target=ctypes.string_at, args=(0,)); t.start(); t.join()",
               SIGSEGV,
               {true, false}},
        Script{"import signal, os; signal.signal(signal.SIGTERM, lambda *a: print('term', flush=True))\n"
               "os.kill(os.getpid(), signal.SIGTERM); print(signal.getsignal(signal.SIGHUP))",
               0,
               {}},
        Script{"import signal; signal.signal(signal.SIGSEGV, lambda *a: print('segv', flush=True))\n"
               "signal.raise_signal(signal.SIGSEGV)",
               0,
               {true}},
        Script{"import sys; sys.stderr.write('one\\n'); print('two', file=sys.stderr)", 0, {}},
        Script{"import os; os.write(2, b'bytes'); raise ValueError('text')", 0, {}}));

TEST(PythonPool, EndsItsWorkersWithoutHandOvers) {
  if (pythons().empty()) GTEST_SKIP() << "no Python 3.8 to 3.14 found";
  for (const std::string& python : pythons()) {
    FakeMonitor monitor;
    const Outcome outcome = monitor.run({{python, "-c",
                                          "import multiprocessing as m\n"
                                          "if __name__ == '__main__':\n"
                                          "  with m.get_context('fork').Pool(3) as p: print(p.map(abs, [-1, -2]))"},
                                         {},
                                         {}});
    EXPECT_EQ(outcome.exit_code(), 0);
    EXPECT_EQ(outcome.output, "[1, 2]\n");
    EXPECT_THAT(outcome.crashes, SizeIs(0));
  }
}

}  // namespace
}  // namespace segwhy::runtime::testing
