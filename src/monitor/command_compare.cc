// segwhy compare: runs two programs, or reads two cases, and tells them apart.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "diagnose/diagnose.h"
#include "evidence/model/case_json.h"
#include "monitor/commands.h"
#include "monitor/terminal.h"
#include "report/compare.h"

namespace segwhy {
namespace {

constexpr int kFailed = 2;
constexpr std::size_t kMostOutput = std::size_t{16} << 20;

// A folder for what one run leaves behind; gone with this.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "segwhy-compare-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] bool made() const { return !path_.empty(); }
  [[nodiscard]] std::string file(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

double seconds(const timeval& time) {
  constexpr double kMicro = 1e-6;
  return static_cast<double>(time.tv_sec) + kMicro * static_cast<double>(time.tv_usec);
}

// `segwhy mem` on the program, its standard output into `folder`. Its error output stays where it is.
Result<RunMeasure> run(const std::vector<std::string>& words, const Folder& folder) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  const std::string output = folder.file("output");
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const std::uint64_t began = monotonic_ns();
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail_errno("start " + words.back(), error);
  int status = 0;
  rusage used{};
  while (::wait4(pid, &status, 0, &used) < 0)
    if (errno != EINTR) return fail_errno("wait for " + words.back(), errno);
  constexpr double kNsPerSecond = 1e9;
  RunMeasure measure;
  measure.wall_s = static_cast<double>(monotonic_ns() - began) / kNsPerSecond;
  measure.cpu_s = seconds(used.ru_utime) + seconds(used.ru_stime);
  if (auto text = read_file(output, kMostOutput)) measure.output = std::move(*text);
  return measure;
}

Result<ComparedRun> read_case(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return tl::unexpected(text.error());
  auto evidence = case_from_json(*text);
  if (!evidence) return fail(path + ": " + evidence.error().what, evidence.error().hint);
  ComparedRun read;
  read.name = path;
  read.evidence = std::move(*evidence);
  read.verdict = diagnose(read.evidence);
  return read;
}

Result<ComparedRun> run_program(const CompareOptions& options, const std::string& program) {
  const Folder folder;
  if (!folder.made()) return fail_errno("make a temporary folder", errno);
  const std::string saved = folder.file("run.case");
  std::vector<std::string> words{"segwhy", "mem", "--quiet", "--case", saved};
  if (options.python) words.insert(words.end(), {"--python", *options.python});
  words.insert(words.end(), {"--", program});
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  auto measure = run(words, folder);
  if (!measure) return tl::unexpected(measure.error());
  auto compared = read_case(saved);
  if (!compared) return fail(program + " left no case behind: " + compared.error().what, compared.error().hint);
  compared->name = program;
  compared->measure = std::move(*measure);
  return compared;
}

Result<ComparedRun> compared(const CompareOptions& options, const std::string& word) {
  return word.ends_with(".case") ? read_case(word) : run_program(options, word);
}

int failed(const Error& error) {
  print_error(error.what, error.hint);
  return kFailed;
}

}  // namespace

int compare_command(const CompareOptions& options) {
  const auto before = compared(options, options.old_word);
  if (!before) return failed(before.error());
  const auto after = compared(options, options.new_word);
  if (!after) return failed(after.error());
  if (options.json_path) {
    const std::string json = render_comparison_json(*before, *after);
    if (const Status written = write_file_atomic(*options.json_path, json, 0644); !written)
      return failed(written.error());
  }
  const TextStyle style = style_for(STDOUT_FILENO);
  const bool printed = write_bounded(STDOUT_FILENO, render_comparison(*before, *after, style.unicode));
  return printed ? 0 : failed({"the comparison could not be written to standard output", {}});
}

}  // namespace segwhy
