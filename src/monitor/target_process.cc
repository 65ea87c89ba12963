#include "monitor/target_process.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string_view>

#include "base/text.h"
#include "evidence/wire/session.h"

extern char** environ;

namespace segwhy {
namespace {

constexpr std::string_view kPreload = "LD_PRELOAD=";

std::vector<std::string> current_environment() {
  std::vector<std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) variables.emplace_back(*entry);
  return variables;
}

// Pointers into `words`, terminated as execve wants them.
std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

// The user's list without our own library (a segwhy that runs under segwhy).
std::string without_library(std::string_view list, std::string_view library) {
  std::string rest;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find_first_of(" :"), list.size());
    const std::string_view entry = list.substr(0, end);
    if (!entry.empty() && entry != library) rest.append(":").append(entry);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return rest;
}

// Whether the shell would take a file that the kernel refuses for a script: its first line is text.
bool is_shell_text(const std::string& path) {
  constexpr std::size_t kLineBytes = 80;
  char head[kLineBytes];
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t got = fd ? ::read(fd.get(), head, sizeof head) : -1;
  if (got < 0) return false;
  const std::string_view text(head, static_cast<std::size_t>(got));
  return text.substr(0, text.find('\n')).find('\0') == std::string_view::npos;
}

// What the child executes, made before the fork: after it only async-signal-safe calls are made.
struct Image {
  std::vector<std::string> arguments, variables, shell_arguments;
  std::vector<char*> argv, envp, shell_argv;
  bool for_shell = false;  // when the kernel does not know the format
};

Image make_image(const TargetCommand& command, const std::optional<RuntimeAttachment>& runtime) {
  Image image;
  image.arguments = command.argv;
  image.variables = current_environment();
  if (runtime) image.variables = attach_runtime(std::move(image.variables), *runtime);
  // A script without "#!" is for the shell, as execvp and every shell have it.
  image.shell_arguments = {"/bin/sh", command.path};
  image.shell_arguments.insert(image.shell_arguments.end(), command.argv.begin() + 1, command.argv.end());
  image.for_shell = is_shell_text(command.path);
  image.argv = pointers(image.arguments);
  image.envp = pointers(image.variables);
  image.shell_argv = pointers(image.shell_arguments);
  return image;
}

// Returns errno. Async-signal-safe.
int execute(const char* path, const Image& image, const SignalState& signals, const StandardDescriptors& standard) {
  standard.unplug();
  signals.restore();
  ::execve(path, image.argv.data(), image.envp.data());
  if (errno == ENOEXEC && image.for_shell) ::execve("/bin/sh", image.shell_argv.data(), image.envp.data());
  return errno;
}

[[noreturn]] void be_child(const char* path, const Image& image, int inherited_fd, int report,
                           const SignalState& signals, const StandardDescriptors& standard) {
  if (inherited_fd >= 0) ::fcntl(inherited_fd, F_SETFD, 0);
  const int why = execute(path, image, signals, standard);
  // Fails only when the front is gone, and then nobody asks.
  while (::write(report, &why, sizeof why) < 0 && errno == EINTR) continue;
  ::_exit(127);
}

}  // namespace

std::vector<std::string> attach_runtime(std::vector<std::string> variables, const RuntimeAttachment& runtime) {
  std::string users;
  std::erase_if(variables, [&users, &runtime](const std::string& variable) {
    const std::string_view name = std::string_view(variable).substr(0, variable.find('='));
    if (variable.starts_with(kPreload))
      users = without_library(std::string_view(variable).substr(kPreload.size()), runtime.library);
    return name == "LD_PRELOAD" || name == wire::kEnvSession || name == wire::kEnvInheritedFd;
  });
  variables.push_back(std::string(kPreload) + runtime.library + users);
  variables.push_back(std::string(wire::kEnvSession) + "=" + std::to_string(runtime.monitor_pid) + ":" +
                      std::to_string(runtime.monitor_fd));
  variables.push_back(std::string(wire::kEnvInheritedFd) + "=" + std::to_string(runtime.local_fd));
  for (const auto& [name, value] : runtime.defaults) {
    const std::string prefix = name + "=";
    const bool set = std::any_of(variables.begin(), variables.end(),
                                 [&prefix](const std::string& variable) { return variable.starts_with(prefix); });
    if (!set) variables.push_back(prefix + value);
  }
  return variables;
}

bool preloadable_path(const std::string& library) {
  return library.find_first_of(" :") == std::string::npos;
}

Result<StartingProgram> fork_program(const TargetCommand& command, const std::optional<RuntimeAttachment>& runtime,
                                     const SignalState& signals, const StandardDescriptors& standard) {
  const Image image = make_image(command, runtime);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno("create a pipe", errno);
  Fd reader(ends[0]);
  const Fd writer(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("start a process", errno);
  if (pid == 0)
    be_child(command.path.c_str(), image, runtime ? runtime->local_fd : -1, writer.get(), signals, standard);
  return StartingProgram{pid, std::move(reader)};
}

int become_program(const TargetCommand& command, const SignalState& signals, const StandardDescriptors& standard) {
  return execute(command.path.c_str(), make_image(command, std::nullopt), signals, standard);
}

int wait_for_exec(const StartingProgram& program) {
  int why = 0;
  ssize_t got = 0;
  do {
    got = ::read(program.exec_report.get(), &why, sizeof why);
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof why) ? why : 0;
}

}  // namespace segwhy
