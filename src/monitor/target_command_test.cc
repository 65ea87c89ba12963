#include "monitor/target_command.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

namespace segwhy {
namespace {

namespace fs = std::filesystem;

// A directory with files of chosen modes, which is the working directory while the test runs.
class TargetCommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "segwhy-command-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    before_ = fs::current_path();
    fs::current_path(directory_);
    environment_["PATH"] = (directory_ / "bin").string();
  }
  void TearDown() override {
    fs::current_path(before_);
    fs::remove_all(directory_);
  }

  std::string file(const std::string& name, bool executable) {
    const fs::path path = directory_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "text\n";
    ::chmod(path.c_str(), executable ? 0755 : 0644);
    return path.string();
  }

  tl::expected<TargetCommand, CommandError> resolve(std::vector<std::string> words,
                                                    std::optional<std::string> python = {}) {
    const auto read = [this](const std::string& name) -> std::optional<std::string> {
      const auto it = environment_.find(name);
      return it == environment_.end() ? std::nullopt : std::optional(it->second);
    };
    return resolve_command({std::move(words), std::move(python), own_directory_, read});
  }

  fs::path directory_, before_;
  std::string own_directory_;
  std::map<std::string, std::string> environment_;
};

TEST_F(TargetCommandTest, CommandIsFoundOnPath) {
  const std::string tool = file("bin/tool", true);
  const auto command = resolve({"tool", "-x"});
  ASSERT_TRUE(command);
  EXPECT_EQ(command->path, tool);
  EXPECT_EQ(command->argv, (std::vector<std::string>{"tool", "-x"}));
}

TEST_F(TargetCommandTest, FirstExecutableOnPathWins) {
  file("a/tool", false);
  const std::string tool = file("b/tool", true);
  environment_["PATH"] = (directory_ / "a").string() + ":" + (directory_ / "b").string();
  EXPECT_EQ(resolve({"tool"})->path, tool);
}

TEST_F(TargetCommandTest, StatusesAreTheShells) {
  EXPECT_EQ(resolve({"nowhere"}).error().exit_status, 127);
  EXPECT_EQ(resolve({"./nowhere"}).error().exit_status, 127);
  EXPECT_EQ(resolve({"./nowhere.py"}).error().exit_status, 127);
  file("bin/data", false);
  EXPECT_EQ(resolve({"data"}).error().exit_status, 126);
  EXPECT_EQ(resolve({directory_.string() + "/bin"}).error().exit_status, 126);
}

TEST_F(TargetCommandTest, ScriptRunsWithPython3OfPath) {
  const std::string python = file("bin/python3", true);
  file("train.py", true);
  const auto command = resolve({"train.py", "--epochs", "3"});
  ASSERT_TRUE(command);
  EXPECT_EQ(command->path, python);
  EXPECT_EQ(command->argv, (std::vector<std::string>{python, "train.py", "--epochs", "3"}));
}

TEST_F(TargetCommandTest, FileThatCannotBeExecutedIsAScript) {
  const std::string python = file("bin/python3", true);
  file("train", false);
  EXPECT_EQ(resolve({"train"})->path, python);
  file("tool", true);
  EXPECT_EQ(resolve({"./tool"})->path, "./tool");
}

TEST_F(TargetCommandTest, PythonsInOrderOfPreference) {
  file("train.py", false);
  EXPECT_EQ(resolve({"train.py"}).error().exit_status, 127);
  const std::string on_path = file("bin/python3", true);
  EXPECT_EQ(resolve({"train.py"})->path, on_path);
  const std::string beside = file("own/python3", true);
  own_directory_ = (directory_ / "own").string();
  EXPECT_EQ(resolve({"train.py"})->path, beside);
  const std::string active = file("venv/bin/python", true);
  environment_["VIRTUAL_ENV"] = (directory_ / "venv").string();
  EXPECT_EQ(resolve({"train.py"})->path, active);
  const std::string chosen = file("chosen", true);
  environment_["SEGWHY_PYTHON"] = chosen;
  EXPECT_EQ(resolve({"train.py"})->path, chosen);
  const std::string asked = file("asked", true);
  EXPECT_EQ(resolve({"train.py"}, asked)->path, asked);
}

TEST_F(TargetCommandTest, GivenPythonTakesAllWords) {
  const std::string python = file("bin/python3.8", true);
  const auto command = resolve({"-c", "pass"}, "python3.8");
  ASSERT_TRUE(command);
  EXPECT_EQ(command->argv, (std::vector<std::string>{python, "-c", "pass"}));
  EXPECT_EQ(resolve({"x.py"}, "python9").error().exit_status, 127);
}

TEST_F(TargetCommandTest, WrongChoiceOfPythonIsNotReplaced) {
  file("train.py", false);
  file("bin/python3", true);
  environment_["SEGWHY_PYTHON"] = "/nowhere/python";
  EXPECT_EQ(resolve({"train.py"}).error().exit_status, 127);
}

}  // namespace
}  // namespace segwhy
