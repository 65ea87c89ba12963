#include "runtime/testing/fake_monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace segwhy::runtime::testing {
namespace {

using wire::CrashRecord;
using wire::Session;

template <typename T>
T load(const T& word) {
  return __atomic_load_n(&word, __ATOMIC_ACQUIRE);
}

template <typename T>
void store(T& word, T value) {
  __atomic_store_n(&word, value, __ATOMIC_RELEASE);
}

void wake(std::uint32_t& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void wait_while(std::uint32_t& word, std::uint32_t value) {
  ::syscall(SYS_futex, &word, FUTEX_WAIT, value, nullptr, nullptr, 0);
}

void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(std::string(what) + ": " + strerror(errno));
}

// A started child with the reading ends of its output.
struct Child {
  pid_t pid = -1;
  int output = -1, error_output = -1;
};

std::vector<std::string> merged_environment(const Program& program, const std::map<std::string, std::string>& extra) {
  std::map<std::string, std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto equals = text.find('=');
    merged[text.substr(0, equals)] = text.substr(equals + 1);
  }
  for (const auto& [name, value] : extra) merged[name] = value;
  for (const auto& [name, value] : program.environment) merged[name] = value;
  std::vector<std::string> entries;
  for (const auto& [name, value] : merged) entries.push_back(name + "=" + value);
  return entries;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

Child start(const Program& program, const std::map<std::string, std::string>& extra, int inherited_fd) {
  std::vector<std::string> arguments = program.argv;
  std::vector<std::string> environment = merged_environment(program, extra);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(environment);
  std::array<int, 2> out{}, err{};
  require(pipe2(out.data(), O_CLOEXEC) == 0 && pipe2(err.data(), O_CLOEXEC) == 0, "pipe");
  const pid_t pid = fork();
  require(pid >= 0, "fork");
  if (pid == 0) {
    dup2(out[1], 1);
    dup2(err[1], 2);
    if (inherited_fd >= 0) fcntl(inherited_fd, F_SETFD, 0);
    if (program.in_child) program.in_child();
    execve(argv[0], argv.data(), envp.data());
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  return {pid, out[0], err[0]};
}

// Reads both pipes to their end, so that neither can fill up and block the program.
void read_outputs(const Child& child, Outcome& outcome) {
  std::array<pollfd, 2> files{{{child.output, POLLIN, 0}, {child.error_output, POLLIN, 0}}};
  const std::array<std::string*, 2> texts{&outcome.output, &outcome.error_output};
  for (int open = 2; open > 0;) {
    if (poll(files.data(), files.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (files.at(i).revents == 0) continue;
      std::array<char, 4096> buffer{};
      const ssize_t count = read(files.at(i).fd, buffer.data(), buffer.size());
      if (count > 0) {
        texts.at(i)->append(buffer.data(), static_cast<std::size_t>(count));
      } else {
        close(files.at(i).fd);
        files.at(i).fd = -1;
        --open;
      }
    }
  }
}

Crash describe(const CrashRecord& record, std::uint32_t slot) {
  Crash crash;
  crash.slot = slot;
  crash.pid = record.pid;
  crash.tid = record.tid;
  crash.signal = record.signal;
  siginfo_t info;
  memcpy(&info, record.siginfo, sizeof info);
  crash.code = info.si_code;
  crash.address = reinterpret_cast<std::uint64_t>(info.si_addr);
  crash.handled = record.has_application_handler != 0;
  crash.in_runtime = record.in_runtime != 0;
  crash.follows = record.follows;
  crash.signal_mask = record.signal_mask;
  crash.abort_text_address = record.abort_text_address;
  crash.abort_text.assign(reinterpret_cast<const char*>(record.abort_text),
                          std::min(record.abort_text_size, wire::kAbortTextBytes));
  crash.registers = record.registers;
  return crash;
}

}  // namespace

void FakeMonitor::hold_mutex() {
  auto& mutex = *reinterpret_cast<pthread_mutex_t*>(&session_->monitor_mutex);
  static_assert(sizeof mutex <= sizeof session_->monitor_mutex);
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  pthread_mutex_lock(&mutex);
}

int Outcome::exit_code() const {
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
int Outcome::signal() const {
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}
bool Outcome::dumped_core() const {
  return WIFSIGNALED(status) && WCOREDUMP(status);
}

FakeMonitor::FakeMonitor(Slots slots, wire::ProtectMode protect) : slots_(slots) {
  const std::uint64_t file_bytes = protect == wire::kProtectOff ? sizeof(Session) : wire::kRecorderFileBytes;
  memory_fd_ = memfd_create("segwhy-test", MFD_CLOEXEC);
  require(memory_fd_ >= 0 && ftruncate(memory_fd_, static_cast<off_t>(file_bytes)) == 0, "memfd");
  void* const address = mmap(nullptr, sizeof(Session), PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd_, 0);
  require(address != MAP_FAILED, "mmap");
  session_ = static_cast<Session*>(address);
  session_->version = wire::kVersion;
  session_->size = sizeof(Session);
  session_->monitor_pid = static_cast<std::uint32_t>(getpid());
  session_->crash_wait_ms = 60'000;
  session_->handled_capture_limit = 3;
  session_->protect = protect;
  session_->budget_permille = 1000;
  session_->areas_offset = protect == wire::kProtectOff ? 0 : wire::kAreasOffset;
  hold_mutex();
  store(session_->magic, wire::kMagic);
}

FakeMonitor::~FakeMonitor() {
  pthread_mutex_unlock(reinterpret_cast<pthread_mutex_t*>(&session_->monitor_mutex));
  munmap(session_, sizeof(Session));
  close(memory_fd_);
}

Outcome FakeMonitor::run(const Program& program, const std::function<void(CrashRecord&)>& on_crash) {
  const std::map<std::string, std::string> extra{
      {"LD_PRELOAD", library_path()},
      {wire::kEnvSession, std::to_string(getpid()) + ":" + std::to_string(memory_fd_)},
      {wire::kEnvInheritedFd, std::to_string(memory_fd_)}};
  const Child child = start(program, extra, memory_fd_);
  Outcome outcome;
  std::uint32_t ended = 0;
  // Output and end are waited for beside the doorbell; each rings it, so that one wait serves all.
  std::thread reader([&] {
    read_outputs(child, outcome);
    waitpid(child.pid, &outcome.status, 0);
    store(ended, 1u);
    __atomic_fetch_add(&session_->doorbell, 1, __ATOMIC_ACQ_REL);
    wake(session_->doorbell);
  });
  for (;;) {
    const std::uint32_t seen = load(session_->doorbell);
    take_crashes(outcome.crashes, on_crash);
    if (load(ended) != 0) break;
    wait_while(session_->doorbell, seen);
  }
  reader.join();
  return outcome;
}

Outcome FakeMonitor::run_plain(const Program& program) {
  const Child child = start(program, {}, -1);
  Outcome outcome;
  read_outputs(child, outcome);
  waitpid(child.pid, &outcome.status, 0);
  return outcome;
}

void FakeMonitor::take_crashes(std::vector<Crash>& crashes, const std::function<void(CrashRecord&)>& on_crash) {
  for (std::uint32_t slot = 0; slot < wire::kMaxCrashes; ++slot) {
    CrashRecord& record = session_->crashes[slot];
    const std::uint32_t state = load(record.state);
    if (state == wire::kCrashReady) {
      store<std::uint32_t>(record.state, wire::kCrashTaken);
      if (on_crash) on_crash(record);
      crashes.push_back(describe(record, slot));
      store<std::uint32_t>(record.state, wire::kCrashReleased);
      request(record, wire::kRequestRelease);
      if (slots_ == Slots::kFree) store<std::uint32_t>(record.state, wire::kCrashFree);
    } else if (state == wire::kCrashReleased && slots_ == Slots::kFree) {  // its handler gave up
      crashes.push_back(describe(record, slot));
      store<std::uint32_t>(record.state, wire::kCrashFree);
    }
  }
}

void FakeMonitor::request(CrashRecord& record, std::uint32_t kind) {
  store(record.request, kind);
  wake(record.request);
  // A handler that was killed meanwhile never answers; its process is a zombie or gone then.
  while (load(record.request) == kind) {
    const timespec slice{0, 50'000'000};
    ::syscall(SYS_futex, &record.request, FUTEX_WAIT, kind, &slice, nullptr, 0);
    const std::string status = "/proc/" + std::to_string(record.pid) + "/task/" + std::to_string(record.tid);
    if (access(status.c_str(), F_OK) != 0) break;
  }
}

std::vector<const wire::ProcessRecord*> FakeMonitor::processes() const {
  std::vector<const wire::ProcessRecord*> live;
  for (const wire::ProcessRecord& record : session_->processes) {
    if (load(record.state) == wire::kProcessLive) live.push_back(&record);
  }
  return live;
}

std::string FakeMonitor::area_bytes(const wire::ProcessRecord& process, std::uint64_t offset, std::size_t size) const {
  const auto index = static_cast<std::uint32_t>(&process - session_->processes);
  std::string bytes(size, '\0');
  const ssize_t got = pread(memory_fd_, bytes.data(), size, static_cast<off_t>(wire::area_offset(index) + offset));
  bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return bytes;
}

std::string FakeMonitor::ring_text(const wire::ProcessRecord& process) const {
  if (process.ring == 0) return {};
  const wire::StderrRing& ring = session_->rings[process.ring - 1];
  const std::uint64_t kept = std::min<std::uint64_t>(ring.written, wire::kRingBytes);
  std::string text;
  for (std::uint64_t at = ring.written - kept; at < ring.written; ++at) {
    text.push_back(static_cast<char>(ring.text[at % wire::kRingBytes]));
  }
  return text;
}

std::string library_path() {
  return SEGWHY_RUNTIME_LIBRARY;
}

Program subject(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), SEGWHY_RUNTIME_SUBJECT);
  return {std::move(arguments), {}, {}};
}

}  // namespace segwhy::runtime::testing
