#include "monitor/doctor_facts.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "capture/environment.h"

namespace segwhy {
namespace {

std::string first_line(const std::string& path) {
  const auto text = read_file(path);
  return text ? std::string(trim(split(*text, '\n').front())) : "";
}

std::optional<int> number_in(const std::string& path) {
  const auto number = parse_number(first_line(path));
  return number ? std::optional(static_cast<int>(*number)) : std::nullopt;
}

// The value behind "KEY<blank>:" in a file of such lines.
std::string value_of(const std::string& path, std::string_view key) {
  const auto text = read_file(path);
  if (!text) return "";
  for (const std::string_view line : split(*text, '\n')) {
    const auto colon = line.find(':');
    if (colon != std::string_view::npos && trim(line.substr(0, colon)) == key) {
      return std::string(trim(line.substr(colon + 1)));
    }
  }
  return "";
}

std::set<std::string> cpu_flags() {
  std::set<std::string> flags;
  const std::string line = value_of("/proc/cpuinfo", "flags");
  for (const std::string_view flag : split(line, ' ')) flags.emplace(flag);
  flags.erase("");
  return flags;
}

std::string error_text() {
  return std::strerror(errno);
}  // NOLINT(concurrency-mt-unsafe): doctor has one thread

// Stops `child`, reads a word of it, lets it go.
CaptureProbe probe_child(pid_t child) {
  CaptureProbe probe;
  const auto start = std::chrono::steady_clock::now();
  if (ptrace(PTRACE_SEIZE, child, 0, 0) != 0 || ptrace(PTRACE_INTERRUPT, child, 0, 0) != 0) {
    probe.ptrace_error = error_text();
  } else {
    int status = 0;
    waitpid(child, &status, __WALL);
    probe.stop_us = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
  }
  static const std::uint64_t kWord = 0x5365677768790000;  // at the same address in the child: it is a fork
  std::uint64_t copy = 0;
  const iovec here{&copy, sizeof copy};
  const iovec there{const_cast<std::uint64_t*>(&kWord), sizeof kWord};
  if (process_vm_readv(child, &here, 1, &there, 1, 0) != sizeof copy || copy != kWord) {
    probe.memory_error = error_text();
  }
  if (probe.ptrace_error.empty()) ptrace(PTRACE_DETACH, child, 0, 0);
  return probe;
}

CaptureProbe probe_capture() {
  const pid_t child = fork();
  if (child < 0) return {.ptrace_error = "fork: " + error_text(), .memory_error = "", .stop_us = {}};
  if (child == 0) {
    for (;;) pause();
  }
  const CaptureProbe probe = probe_child(child);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return probe;
}

std::string probe_userfaultfd() {
  const Fd fd(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY)));
  return fd ? "" : error_text();
}

// "madvise" of "always [madvise] never".
std::string chosen(const std::string& text) {
  const auto open = text.find('['), close = text.find(']');
  return open < close && close != std::string::npos ? text.substr(open + 1, close - open - 1) : "";
}

}  // namespace

DoctorFacts collect_doctor_facts(const std::string& python) {
  DoctorFacts facts;
  const int self = getpid();
  facts.machine = read_machine(self, read_baseline(self));
  facts.environment = read_program(self).environment;
  facts.cpu_flags = cpu_flags();
  facts.capture = probe_capture();
  facts.yama_scope = number_in("/proc/sys/kernel/yama/ptrace_scope");
  if (const auto mode = parse_number(value_of("/proc/self/status", "Seccomp"))) {
    facts.seccomp_mode = static_cast<int>(*mode);
  }
  facts.core_pattern = first_line("/proc/sys/kernel/core_pattern");
  facts.huge_pages = chosen(first_line("/sys/kernel/mm/transparent_hugepage/enabled"));
  facts.userfaultfd_error = probe_userfaultfd();
  facts.python = collect_python_facts(python);
  return facts;
}

}  // namespace segwhy
