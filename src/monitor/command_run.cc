#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "evidence/wire/eager.h"
#include "monitor/commands.h"
#include "monitor/exact_rerun.h"
#include "monitor/front.h"
#include "monitor/install_paths.h"
#include "monitor/monitor_process.h"
#include "monitor/program_image.h"
#include "monitor/sentinel.h"
#include "monitor/session.h"
#include "monitor/signal_state.h"
#include "monitor/target_command.h"
#include "monitor/target_process.h"

namespace segwhy {
namespace {

constexpr int kNotFound = 127;
constexpr int kNotExecutable = 126;

std::optional<std::string> read_variable(const std::string& name) {
  const char* const value = ::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

// The runtime to preload into `program`, or nullopt with one line that says why there is none.
std::optional<std::string> choose_runtime(const std::string& program) {
  if (const auto obstacle = preload_obstacle(program)) {
    print_error(program + " " + *obstacle +
                ": it runs without Segwhy's runtime, and a crash is known by its signal only");
    return std::nullopt;
  }
  auto library = find_runtime();
  if (!library) {
    print_error("libsegwhy.so was not found: the program runs without it", "set SEGWHY_RUNTIME to its path");
    return std::nullopt;
  }
  if (!preloadable_path(*library)) {
    print_error(*library + " cannot be preloaded, its path has a space or a colon: the program runs without it",
                "install Segwhy elsewhere");
    return std::nullopt;
  }
  return library;
}

RunFacts facts_of(const TargetCommand& command, const RunOptions& options) {
  RunFacts facts;
  facts.protection = protect_mode_names().at(options.protection.mode);
  facts.memory = options.memory;
  facts.argv = command.argv;
  std::error_code ignored;
  facts.cwd = std::filesystem::current_path(ignored).string();
  return facts;
}

DeliveryOptions delivery_of(const RunOptions& options, const StandardDescriptors& standard) {
  DeliveryOptions delivery;
  delivery.json_path = options.json_path;
  delivery.case_path = options.case_path;
  delivery.case_directory = read_variable("SEGWHY_DIR").value_or("");
  delivery.memory = options.memory;
  delivery.quiet = options.quiet;
  delivery.verbose = options.verbose;
  delivery.can_print = standard.was_open(STDERR_FILENO);
  return delivery;
}

int exit_status_of(int exec_errno) {
  return exec_errno == ENOENT ? kNotFound : kNotExecutable;
}

// What remains of the front once the program runs: it holds nothing of the user's open but standard error.
void let_go_of_descriptors(const Channel& channel, const Sentinel& sentinel) {
  close_all_except({channel.fd(), sentinel.fd()});
  redirect_to_null(STDIN_FILENO);
  redirect_to_null(STDOUT_FILENO);
}

// The session and its monitor, while they can be had.
struct Watch {
  std::optional<Session> session;
  MonitorProcess monitor{-1, Channel(Fd())};
  std::string obstacle;  // why there is none, for the user
};

constexpr char kUnwatched[] = ": the program runs unwatched";

Watch start_watch(const RunOptions& options, const TargetCommand& command, const StandardDescriptors& standard) {
  Watch watch;
  auto session = Session::create(options.protection);
  if (!session) {
    watch.obstacle = session.error().what;
    return watch;
  }
  watch.session.emplace(std::move(*session));
  auto monitor = start_monitor(*watch.session, facts_of(command, options), delivery_of(options, standard));
  if (monitor) {
    watch.monitor = std::move(*monitor);
  } else {
    watch.obstacle = monitor.error().what;
    watch.session.reset();
  }
  return watch;
}

// Ends the helpers of a program that does not run beside them.
void end_watch(const Watch& watch, Sentinel& sentinel) {
  sentinel.stop();
  if (watch.monitor.pid <= 0) return;
  Message cancelled;
  cancelled.kind = Message::kCancelled;
  if (watch.monitor.channel.send(cancelled)) ::waitpid(watch.monitor.pid, nullptr, 0);
}

int fail_to_start(const Watch& watch, Sentinel& sentinel, const std::string& why, int exit_status) {
  end_watch(watch, sentinel);
  print_error(why);
  return exit_status;
}

// The limit of processes has no room for Segwhy's own: the program gets this one.
int run_in_place(const Watch& watch, Sentinel& sentinel, const TargetCommand& command, const SignalState& received,
                 const StandardDescriptors& standard, const std::string& why) {
  end_watch(watch, sentinel);
  print_error(why + kUnwatched, "allow three processes more (ulimit -u, the container's pids limit)");
  const int failed = become_program(command, received, standard);
  print_error(command.path + ": " + std::strerror(failed));
  return exit_status_of(failed);
}

std::optional<RuntimeAttachment> attachment_of(const Watch& watch, std::optional<std::string> library,
                                               const RunOptions& options) {
  if (!watch.session || !library) return std::nullopt;
  auto defaults = protection_variables(options.protection);
  if (options.eager) defaults.emplace_back(wire::kEnvEager, "1");
  return RuntimeAttachment{std::move(*library), watch.monitor.pid, watch.session->fd(), watch.session->fd(),
                           std::move(defaults)};
}

// What the front does after an inexact report; nothing unless asked to and able to show it.
std::function<void(int)> rerun_of(const RunOptions& options, const SignalState& received,
                                  const StandardDescriptors& standard) {
  if (!options.rerun || !standard.was_open(STDERR_FILENO)) return {};
  return [rerun = ExactRerun(options, received)](int signals) { rerun.run(signals); };
}

}  // namespace

int run_command(const RunOptions& options, const StandardDescriptors& standard) {
  const SignalState received = SignalState::capture();
  const auto command = resolve_command({options.words, options.python, own_directory(), read_variable});
  if (!command) {
    print_error(command.error().error.what, command.error().error.hint);
    return command.error().exit_status;
  }
  auto library = choose_runtime(command->path);

  block_all_signals();
  // With SIGCHLD ignored, as some supervisors start their children, the ends of ours could not be seen.
  std::signal(SIGCHLD, SIG_DFL);
  Sentinel sentinel = Sentinel::start();  // before the session exists: it must not hold it
  Watch watch = start_watch(options, *command, standard);
  const auto attachment = attachment_of(watch, std::move(library), options);
  auto program = fork_program(*command, attachment, received, standard);
  if (!program) {
    sentinel.stop();  // which only tells a signal to the group from one to the front: its place may be all that lacks
    program = fork_program(*command, attachment, received, standard);
  }
  if (!program) return run_in_place(watch, sentinel, *command, received, standard, program.error().what);
  if (!watch.obstacle.empty()) print_error(watch.obstacle + kUnwatched);
  Message started;
  started.kind = Message::kProgramStarted;
  started.pid = program->pid;
  watch.monitor.channel.send(started);
  if (const int why = wait_for_exec(*program); why != 0) {
    ::waitpid(program->pid, nullptr, 0);
    return fail_to_start(watch, sentinel, command->path + ": " + std::strerror(why), exit_status_of(why));
  }
  watch.session.reset();
  let_go_of_descriptors(watch.monitor.channel, sentinel);
  Front front(program->pid, watch.monitor.pid, watch.monitor.channel, sentinel,
              {options.fail_on_error, standard.was_open(STDERR_FILENO), rerun_of(options, received, standard)});
  front.run();
}

}  // namespace segwhy
