#include "monitor/exact_rerun.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "monitor/commands.h"
#include "monitor/descriptors.h"
#include "monitor/policy.h"

namespace segwhy {
namespace {

// However this program was started, and also when its file has been replaced meanwhile.
constexpr char kOwnProgram[] = "/proc/self/exe";
// How long to wait for a signal before looking whether the child has ended: SIGCHLD comes through the signalfd.
constexpr int kLookMs = 1000;

enum class Output { kNone, kStandardError };

std::string case_path_of(const RunOptions& first) {
  if (first.case_path) return *first.case_path + ".exact";
  Program program;
  program.argv = first.words;
  program.pid = ::getpid();
  std::string name = case_file_name(program);
  name.insert(name.rfind(".case"), "-exact");
  const char* const directory = ::getenv("SEGWHY_DIR");
  return directory == nullptr || *directory == '\0' ? name : std::string(directory) + "/" + name;
}

[[noreturn]] void become(const std::vector<std::string>& command, Output output, const SignalState& received) {
  redirect_to_null(STDIN_FILENO);
  redirect_to_null(STDOUT_FILENO);
  if (output == Output::kStandardError) ::dup2(STDERR_FILENO, STDOUT_FILENO);
  if (output == Output::kNone) redirect_to_null(STDERR_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  received.restore();
  ::execv(kOwnProgram, arguments.data());
  ::_exit(1);
}

// A signal from the terminal reaches the child by itself, as one of the same process group.
void pass_on(int signals, pid_t child) {
  signalfd_siginfo info{};
  while (::read(signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info))
    if (interrupts(info.ssi_signo) && info.ssi_code <= 0) ::kill(child, static_cast<int>(info.ssi_signo));
}

// False: it could not be started.
bool run_to_end(const std::vector<std::string>& command, Output output, const SignalState& received, int signals) {
  const pid_t child = ::fork();
  if (child == 0) become(command, output, received);
  if (child < 0) return false;
  pollfd wait{signals, POLLIN, 0};
  while (::waitpid(child, nullptr, WNOHANG) == 0) {
    ::poll(&wait, 1, kLookMs);
    pass_on(signals, child);
  }
  return true;
}

}  // namespace

ExactRerun::ExactRerun(const RunOptions& first, const SignalState& received) : received_(received) {
  const std::string path = case_path_of(first);
  again_ = {"segwhy", "run", "--protect", "exact", "--quiet", "--case", path};
  if (first.python) again_.insert(again_.end(), {"--python", *first.python});
  if (first.eager) again_.push_back("--eager");
  again_.push_back("--");
  again_.insert(again_.end(), first.words.begin(), first.words.end());
  report_ = {"segwhy", "report", path};
  if (first.verbose) report_.insert(report_.begin() + 2, "--verbose");
}

void ExactRerun::run(int signals) const {
  print_error("the program runs again, every access to its blocks checked to the byte; its output is not shown");
  const bool ran = run_to_end(again_, Output::kNone, received_, signals) &&
                   run_to_end(report_, Output::kStandardError, received_, signals);
  if (!ran) print_error("the program could not be run again");
}

}  // namespace segwhy
