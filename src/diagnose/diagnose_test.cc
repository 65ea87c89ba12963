// The ranking, the user's line, and the pages.
#include "diagnose/diagnose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "diagnose/ranking.h"
#include "diagnose/testing/case_builder.h"
#include "diagnose/where.h"

namespace segwhy {
namespace {

using namespace testing_support;  // NOLINT(google-build-using-namespace): a test's vocabulary

// Every slug of the public contract.
constexpr const char* kSlugs[] = {"use-after-free",
                                  "out-of-bounds-read",
                                  "out-of-bounds-write",
                                  "double-free",
                                  "invalid-free",
                                  "heap-corruption",
                                  "uninitialised-read",
                                  "null-pointer",
                                  "wild-pointer",
                                  "write-to-read-only",
                                  "bad-jump",
                                  "stack-overflow",
                                  "data-race",
                                  "check-failed",
                                  "uncaught-exception",
                                  "assertion",
                                  "python-fatal",
                                  "abort",
                                  "illegal-instruction",
                                  "divide-by-zero",
                                  "trap",
                                  "truncated-mapping",
                                  "shared-memory-exhausted",
                                  "out-of-memory",
                                  "memory-growth",
                                  "allocation-failed",
                                  "thread-limit",
                                  "library-conflict",
                                  "openmp-duplicate",
                                  "abi-mismatch",
                                  "allocator-mismatch",
                                  "fork-after-threads",
                                  "exit-teardown",
                                  "killed",
                                  "deadlock",
                                  "python-exception",
                                  "ok",
                                  "unknown"};

Candidate candidate(const char* slug, Confidence confidence, int score = 50) {
  Candidate c{.slug = slug, .confidence = confidence, .score = score};
  c.summary = std::string("summary of ") + slug;
  c.evidence = {std::string("evidence of ") + slug};
  return c;
}

TEST(Ranking, ALeadNeverHidesAnAnswer) {
  const Verdict v =
      choose({candidate("thread-limit", Confidence::kPossible, 99), candidate("abort", Confidence::kLikely, 1)});
  EXPECT_EQ(v.verdict_class, "abort");
  EXPECT_TRUE(has_alternative(v, "thread-limit"));
}

TEST(Ranking, CauseBeforeMechanismBeforeOutcome) {
  const Verdict v = choose({candidate("abort", Confidence::kCertain), candidate("check-failed", Confidence::kCertain),
                            candidate("thread-limit", Confidence::kLikely)});
  EXPECT_EQ(v.verdict_class, "thread-limit");
  EXPECT_TRUE(has_factor(v, "check-failed"));
  EXPECT_FALSE(has_factor(v, "abort"));
  EXPECT_EQ(v.evidence.back(), "evidence of check-failed") << "how it died is part of the evidence";
}

TEST(Ranking, ConfidenceThenScoreThenSlug) {
  EXPECT_TRUE(outranks(candidate("trap", Confidence::kCertain, 1), candidate("bad-jump", Confidence::kLikely, 99)));
  EXPECT_TRUE(outranks(candidate("trap", Confidence::kLikely, 60), candidate("bad-jump", Confidence::kLikely, 50)));
  EXPECT_TRUE(outranks(candidate("bad-jump", Confidence::kLikely), candidate("trap", Confidence::kLikely)));
  EXPECT_FALSE(outranks(candidate("trap", Confidence::kLikely), candidate("trap", Confidence::kLikely)));
}

TEST(Ranking, ACertainVerdictHasNoAlternatives) {
  Candidate winner = candidate("divide-by-zero", Confidence::kCertain);
  winner.alternatives.push_back({"trap", "x"});
  const Verdict v = choose({winner, candidate("abi-mismatch", Confidence::kPossible)});
  EXPECT_TRUE(v.alternatives.empty());
  EXPECT_TRUE(v.experiments.empty());
}

TEST(Ranking, TheAnswerDoesNotDependOnTheOrderOfTheRules) {
  std::vector<Candidate> list;
  for (const char* slug : kSlugs) list.push_back(candidate(slug, Confidence::kLikely));
  const std::string first = choose(list).verdict_class;
  std::reverse(list.begin(), list.end());
  EXPECT_EQ(choose(list).verdict_class, first);
}

TEST(Ranking, OutranksIsAStrictWeakOrdering) {
  std::vector<Candidate> list;
  for (const char* slug : {"abort", "killed", "trap", "null-pointer", "thread-limit", "deadlock"})
    for (const Confidence confidence : {Confidence::kPossible, Confidence::kLikely, Confidence::kCertain})
      for (const int score : {10, 90}) list.push_back(candidate(slug, confidence, score));
  for (const Candidate& a : list)
    for (const Candidate& b : list) {
      EXPECT_FALSE(outranks(a, b) && outranks(b, a)) << a.slug << " " << b.slug;
      for (const Candidate& c : list)
        EXPECT_TRUE(!outranks(a, b) || !outranks(b, c) || outranks(a, c)) << a.slug << " " << b.slug << " " << c.slug;
    }
}

TEST(Where, UserFilesByPath) {
  EXPECT_TRUE(is_user_file("main.py"));
  EXPECT_TRUE(is_user_file("/home/u/lib/tool.py"));
  EXPECT_TRUE(is_user_file("<stdin>"));
  EXPECT_FALSE(is_user_file("/env/lib/python3.8/site-packages/numpy/core.py"));
  EXPECT_FALSE(is_user_file("/usr/lib/python3/dist-packages/x.py"));
  EXPECT_FALSE(is_user_file("/usr/lib/python3.11/threading.py"));
  EXPECT_FALSE(is_user_file("<frozen importlib._bootstrap>"));
  EXPECT_FALSE(is_user_file("<__array_function__ internals>"));
  EXPECT_FALSE(is_user_file("/tmp/__autograph_generated_fileab12.py"));
  EXPECT_FALSE(is_user_file(""));
}

TEST(Where, InnermostUserFrameBelowLibraries) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({native("f")});
  b.raw().threads.front().python = {python("/env/x.py", 1, "lib", "package"), python("/home/u/job.py", 5, "step"),
                                    python("/home/u/main.py", 9, "<module>")};
  const Verdict v = b.verdict();
  EXPECT_EQ(v.where->file, "/home/u/job.py");
  EXPECT_EQ(v.where->line, 5);
}

TEST(Where, ACallThatNeverGotToRunIsWhereItWasCalled) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({native("f")});
  auto& frames = b.raw().threads.front().python;
  frames = {python("/home/u/job.py", 14, "step"), python("/home/u/job.py", 15, "step")};
  EXPECT_EQ(b.verdict().where->line, 14);
  frames.front().called_only = true;
  EXPECT_EQ(b.verdict().where->line, 15);
  frames.back().origin = "package";  // a library's call of the user's function
  EXPECT_EQ(b.verdict().where->line, 14);
}

TEST(Where, PoolThreadBorrowsTheLineItWorksFor) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({native("f")});
  b.raw().threads.front().crashed = false;
  b.other_thread({native("Kernel")});
  b.raw().threads.back().crashed = true;
  b.raw().threads.back().works_for_tid = kPid;
  b.raw().threads.back().works_for_reason = "It waits for this kernel.";
  const Verdict v = b.verdict();
  EXPECT_EQ(v.where->line, 8);
  EXPECT_EQ(v.evidence.back(), "It waits for this kernel.");
}

TEST(Where, GeneratedCodeIsTheUsersOnlyWhenNothingElseIs) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({native("f")});
  b.raw().threads.front().python = {python("<string>", 41, "pool_by"), python("/home/u/main.py", 5, "<module>")};
  EXPECT_EQ(b.verdict().where->line, 5);
  b.raw().threads.front().python.pop_back();
  EXPECT_EQ(b.verdict().where->line, 41);
}

TEST(Where, RewrittenFunctionsAreNotTheUsersFile) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({native("f")});
  PythonFrame inner = python("/tmp/tmpb6xl_c5s.py", 20, "if_body");
  inner.source = "retval_ = ag__.converted_call(ag__.ld(tf).raw_ops.X, (), None, fscope)";
  b.raw().threads.front().python = {inner, python("/tmp/tmpb6xl_c5s.py", 12, "tf__f"),
                                    python("main.py", 6, "<module>")};
  EXPECT_EQ(b.verdict().where->line, 6);
}

TEST(Where, ThreadThatRunsOnlyLibraryCodePointsAtTheMainThread) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({native("f")});
  b.raw().threads.front().crashed = false;
  b.other_thread({native("g")}, {python("/usr/lib/python3.11/threading.py", 975, "run", "stdlib")});
  b.raw().threads.back().crashed = true;
  EXPECT_EQ(b.verdict().where->line, 8);
}

TEST(Where, StackThatTheProgramPrintedWhenNothingElseIsKnown) {
  CaseBuilder b;
  b.signal(SIGSEGV).said(
      "Current thread 0x1 (most recent call first):\n  File \"/usr/lib/python3.11/ast.py\", line 1 in p\n  File "
      "\"main.py\", line 12 in <module>\n");
  EXPECT_EQ(b.verdict().where->line, 12);
}

// `f` of a library, called by `solve` of a program that was built with debug information.
CaseBuilder program_without_python() {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({native("f"), native("solve", "/home/u/solver"), native("main", "/home/u/solver")}, false);
  b.raw().program.python.clear();
  int line = 20;
  for (auto frame = b.raw().threads.front().native.begin() + 1; frame != b.raw().threads.front().native.end();
       ++frame) {
    frame->file = "/home/u/solver.cc";
    frame->line = line++;
    frame->origin = "user";
    frame->source = "  node = node->next;";
  }
  return b;
}

TEST(Where, AProgramWithoutPythonHasItsOwnInnermostLine) {
  CaseBuilder b = program_without_python();
  b.fault(0, "read").instruction("mov", "move", {.base = "rax"});
  const Verdict v = b.verdict();
  ASSERT_TRUE(v.where);
  EXPECT_EQ(v.where->file, "/home/u/solver.cc");
  EXPECT_EQ(v.where->line, 20);
  EXPECT_EQ(v.where->function, "solve");
  // Nothing is "passed into native code" where all code is.
  EXPECT_THAT(v.advice.front(), testing::HasSubstr("Test the pointer before solver.cc:20 uses it"));
}

TEST(Where, NativeLinesOfAnExtensionDoNotHideTheScripts) {
  CaseBuilder b = program_without_python();
  b.raw().program.python = "3.11.7";
  b.raw().threads.front().python = {python("/home/u/main.py", 9, "<module>")};
  EXPECT_EQ(b.verdict().where->line, 9);
  b.raw().threads.front().python.clear();
  EXPECT_FALSE(b.verdict().where);
}

TEST(Where, AbsentWhenNobodysFrameIsTheUsers) {
  CaseBuilder b;
  b.signal(SIGSEGV).crashed({native("f")}, false);
  EXPECT_FALSE(b.verdict().where);
}

TEST(Pages, EveryClassHasOneAndOnlyThose) {
  const std::filesystem::path folder = std::filesystem::path(SEGWHY_TEST_DATA) / "../../docs/causes";
  std::size_t pages = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string slug = entry.path().stem();
    EXPECT_NE(std::find(std::begin(kSlugs), std::end(kSlugs), slug), std::end(kSlugs)) << slug << " is no class";
    ++pages;
  }
  EXPECT_EQ(pages, std::size(kSlugs));
  for (const std::string slug : kSlugs) {
    const auto page = read_file((folder / (slug + ".md")).string());
    ASSERT_TRUE(page) << slug;
    const std::string& text = *page;
    EXPECT_TRUE(text.starts_with("# " + slug + ": ")) << slug;
    for (const char* section :
         {"## How Segwhy knows", "## Typical causes", "## What to do", "## How to confirm", "## Limits"})
      EXPECT_NE(text.find(section), std::string::npos) << slug << " lacks " << section;
  }
}

}  // namespace
}  // namespace segwhy
