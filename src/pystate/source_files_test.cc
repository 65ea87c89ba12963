#include "pystate/source_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace segwhy::pystate {
namespace {

namespace fs = std::filesystem;

class SourceFilesTest : public testing::Test {
 protected:
  SourceFilesTest() {
    std::string name = testing::TempDir() + "source_files_XXXXXX";
    folder = ::mkdtemp(name.data());
  }
  ~SourceFilesTest() override { fs::remove_all(folder); }

  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder + "/" + name, std::ios::binary) << text;
    return "/" + name;
  }
  SourceFiles files() { return SourceFiles(folder, {"/work", "/"}); }

  std::string folder;
};

TEST_F(SourceFilesTest, LinesUnderTheRoot) {
  const std::string file = write("a.py", "first\n  second\r\nthird\rfourth");
  SourceFiles sources = files();
  EXPECT_EQ(sources.line(file, 1), "first");
  EXPECT_EQ(sources.line(file, 2), "  second");
  EXPECT_EQ(sources.line(file, 3), "third");
  EXPECT_EQ(sources.line(file, 4), "fourth");
  EXPECT_EQ(sources.line(file, 5), "");
  EXPECT_EQ(sources.line(file, 0), "");
  EXPECT_EQ(sources.line(file, -1), "");
  EXPECT_EQ(sources.line("/absent.py", 1), "");
  EXPECT_EQ(sources.line("<string>", 1), "");
  EXPECT_EQ(sources.line("", 1), "");
}

TEST_F(SourceFilesTest, ARelativeNameIsTriedInEachDirectory) {
  write("script.py", "in the second\n");
  EXPECT_EQ(files().line("script.py", 1), "in the second");
  fs::create_directory(folder + "/work");
  write("work/script.py", "in the first\n");
  EXPECT_EQ(files().line("script.py", 1), "in the first");
}

TEST_F(SourceFilesTest, OnlyRegularFilesAreOpened) {
  ASSERT_EQ(::mkfifo((folder + "/pipe.py").c_str(), 0600), 0);
  EXPECT_EQ(files().line("/pipe.py", 1), "");  // would wait for a writer
  fs::create_directory(folder + "/folder.py");
  EXPECT_EQ(files().line("/folder.py", 1), "");
}

TEST_F(SourceFilesTest, EncodingsAndLongLines) {
  const std::string latin = write("latin.py", "# -*- coding: iso_8859-1 -*-\nname = '\xE9'\n");
  EXPECT_EQ(files().line(latin, 2), "name = 'é'");
  const std::string marked = write("marked.py", "\xEF\xBB\xBFx = 1\n");
  EXPECT_EQ(files().line(marked, 1), "x = 1");
  const std::string broken = write("broken.py", "x = '\xE9'\n");
  EXPECT_EQ(files().line(broken, 1), "x = '\xEF\xBF\xBD'");
  const std::string lng = write("long.py", std::string(999, 'x') + "é" + std::string(1000, 'y') + "\n");
  EXPECT_EQ(files().line(lng, 1), std::string(999, 'x'));
}

TEST(DecodeSource, OnlyACookieInTheFirstTwoLinesCounts) {
  EXPECT_EQ(decode_source("#!/bin/python\n# coding=latin-1\n\xE9"), "#!/bin/python\n# coding=latin-1\n\xC3\xA9");
  EXPECT_EQ(decode_source("x = 1\n# coding=latin-1\n\xE9"), "x = 1\n# coding=latin-1\n\xE9");
  EXPECT_EQ(decode_source("\n\n# coding=latin-1\n\xE9"), "\n\n# coding=latin-1\n\xE9");
  EXPECT_EQ(decode_source("# encoding without a name\n\xE9"), "# encoding without a name\n\xE9");
  EXPECT_EQ(decode_source(""), "");
}

}  // namespace
}  // namespace segwhy::pystate
