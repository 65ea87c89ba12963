// Families of processes: fork, vfork, exec, threads that come and go, killers.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/testing/subject.h"

namespace segwhy::runtime::testing {
namespace {

extern "C" char** environ;

int report_child(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) return 3;
  printf("child signal %d exit %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0,
         WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  return 0;
}

int crash_in_fork(int, char**) {
  const pid_t pid = fork();
  if (pid == 0) write_to_null();
  return report_child(pid);
}

int crash_in_raw_fork(int, char**) {
  const auto pid = static_cast<pid_t>(syscall(SYS_fork));
  if (pid == 0) write_to_null();
  return report_child(pid);
}

int crash_in_vfork(int, char**) {
  const pid_t pid = vfork();
  if (pid == 0) write_to_null();
  const int result = report_child(pid);
  write_to_null();  // the parent must still be handed over as usual
  return result;
}

// What a child of vfork does about signals must not change its parent's.
int change_in_vfork(int, char**) {
  sigset_t set, now;
  sigemptyset(&set);
  sigaddset(&set, SIGSEGV);
  const pid_t pid = vfork();
  if (pid == 0) {
    signal(SIGSEGV, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    _exit(7);
  }
  sigprocmask(SIG_BLOCK, nullptr, &now);
  struct sigaction action {};
  sigaction(SIGSEGV, nullptr, &action);
  printf("default %d blocked %d\n", action.sa_handler == SIG_DFL, sigismember(&now, SIGSEGV));
  return report_child(pid);
}

// Becomes another program in the same process. argv: the command of that program.
int exec_self(int argc, char** argv) {
  char* arguments[8] = {const_cast<char*>("/proc/self/exe")};
  for (int i = 0; i < argc && i < 6; ++i) arguments[i + 1] = argv[i];
  execv("/proc/self/exe", arguments);
  return 3;
}

// The same in a child. argv: the command of that program.
int spawn_self(int argc, char** argv) {
  char* arguments[8] = {const_cast<char*>("/proc/self/exe")};
  for (int i = 0; i < argc && i < 6; ++i) arguments[i + 1] = argv[i];
  pid_t pid = 0;
  if (posix_spawn(&pid, "/proc/self/exe", nullptr, nullptr, arguments, environ) != 0) return 3;
  return report_child(pid);
}

void* just_wait(void*) {
  pause();
  return nullptr;
}

void* do_nothing(void*) {
  return nullptr;
}

// argv: threads to leave running, threads to make and join before.
int make_threads(int argc, char** argv) {
  pthread_t thread{};
  for (int i = 0; i < argument(argc, argv, 1, 0); ++i) {
    if (pthread_create(&thread, nullptr, &do_nothing, nullptr) != 0) return 3;
    pthread_join(thread, nullptr);
  }
  for (int i = 0; i < argument(argc, argv, 0, 0); ++i) pthread_create(&thread, nullptr, &just_wait, nullptr);
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  return report_child(pid);
}

// Thread creation fails: no memory for a stack this large.
int fail_thread(int, char**) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, size_t{1} << 46);
  pthread_t thread{};
  printf("%d\n", pthread_create(&thread, &attributes, &do_nothing, nullptr));
  return 0;
}

// Little address space is left; threads that bring their own stack must start all the same.
int thread_without_memory(int, char**) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  static char stack[64 * 1024] __attribute__((aligned(4096)));
  pthread_attr_setstack(&attributes, stack, sizeof stack);
  unsigned long pages = 0;
  FILE* const statm = fopen("/proc/self/statm", "r");
  if (statm == nullptr || fscanf(statm, "%lu", &pages) != 1) return 3;
  fclose(statm);
  const rlimit little{pages * 4096 + 32 * 1024, RLIM_INFINITY};
  setrlimit(RLIMIT_AS, &little);
  pthread_t thread{};
  const int result = pthread_create(&thread, &attributes, &do_nothing, nullptr);
  if (result == 0) pthread_join(thread, nullptr);
  printf("%d\n", result);
  return 0;
}

// Killed from outside the session (a program without its environment). argv: signal.
int killed_by_stranger(int argc, char** argv) {
  char command[64];
  snprintf(command, sizeof command, "read go; kill -%d $PPID", argument(argc, argv, 0, SIGTERM));
  int ends[2];
  if (pipe(ends) != 0) return 3;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[0], 0);
  char* const arguments[] = {const_cast<char*>("sh"), const_cast<char*>("-c"), command, nullptr};
  char* const no_environment[] = {nullptr};
  pid_t pid = 0;
  posix_spawn(&pid, "/bin/sh", &actions, nullptr, arguments, no_environment);
  printf("%d\n", pid);
  fflush(stdout);
  (void)!write(ends[1], "\n", 1);
  pause();
  return 0;
}

// Killed by its parent, as a pool ends its workers. argv: signal.
int killed_by_parent(int argc, char** argv) {
  int ready[2];
  if (pipe(ready) != 0) return 3;
  const pid_t pid = fork();
  if (pid == 0) {
    (void)!write(ready[1], "", 1);
    pause();
  }
  char byte = 0;
  (void)!read(ready[0], &byte, 1);
  kill(pid, argument(argc, argv, 0, SIGTERM));
  return report_child(pid);
}

int killed_by_alarm(int, char**) {
  const itimerval soon{{0, 0}, {0, 10'000}};
  setitimer(ITIMER_REAL, &soon, nullptr);
  pause();
  return 0;
}

// One child per way of waiting, each with its own exit code or signal.
int wait_all_ways(int, char**) {
  int status = 0;
  rusage usage{};
  siginfo_t info{};
  if (fork() == 0) _exit(11);
  wait(&status);
  if (fork() == 0) _exit(12);
  wait3(&status, 0, &usage);
  if (fork() == 0) _exit(13);
  wait4(-1, &status, 0, &usage);
  if (fork() == 0) _exit(14);
  waitpid(-1, nullptr, 0);
  const pid_t pid = fork();
  if (pid == 0) {
    raise(SIGKILL);
  }
  waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED);
  errno = 0;
  const pid_t none = waitpid(-1, &status, 0);
  printf("%d %d\n", none, errno);
  return 0;
}

int print_session_fd(int, char**) {
  printf("%s\n", getenv("SEGWHY_SESSION_FD") == nullptr ? "unset" : "set");
  printf("%d\n", dup(0));  // the lowest free descriptor
  return 0;
}

}  // namespace

const Command kProcessCommands[] = {
    {"crash-in-fork", crash_in_fork},
    {"crash-in-raw-fork", crash_in_raw_fork},
    {"crash-in-vfork", crash_in_vfork},
    {"change-in-vfork", change_in_vfork},
    {"exec", exec_self},
    {"spawn", spawn_self},
    {"make-threads", make_threads},
    {"fail-thread", fail_thread},
    {"thread-without-memory", thread_without_memory},
    {"killed-by-stranger", killed_by_stranger},
    {"killed-by-parent", killed_by_parent},
    {"killed-by-alarm", killed_by_alarm},
    {"wait-all-ways", wait_all_ways},
    {"session-fd", print_session_fd},
    {nullptr, nullptr},
};

}  // namespace segwhy::runtime::testing
