#include "runtime/crash/process.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "evidence/wire/recorder.h"
#include "runtime/crash/thread_starts.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/futex.h"
#include "runtime/pal/syscall.h"

namespace segwhy::runtime {
namespace {

using wire::ProcessRecord;
using wire::Session;

Session* mapped;
ProcessRecord* own_record;
uint32_t own_pid;

[[nodiscard]] bool is_ours(const Session& candidate) {
  return candidate.magic == wire::kMagic && candidate.version == wire::kVersion && candidate.size == sizeof(Session);
}

// The size of a session's file, without or with the flight recorder.
[[nodiscard]] bool is_session_size(off_t size) {
  return size == static_cast<off_t>(sizeof(Session)) || size == static_cast<off_t>(wire::kRecorderFileBytes);
}

// Maps `fd` if it is a session. Any descriptor may come in: the size is checked before a byte is read.
[[nodiscard]] Session* map_session(long fd) {
  struct stat status {};
  if (pal::syscall(SYS_fstat, fd, &status) != 0 || !is_session_size(status.st_size)) return nullptr;
  const long address =
      pal::syscall(SYS_mmap, nullptr, sizeof(Session), PROT_READ | PROT_WRITE, MAP_SHARED, static_cast<int>(fd), 0L);
  if (address < 0) return nullptr;
  auto* const candidate = reinterpret_cast<Session*>(address);
  if (!is_ours(*candidate)) {
    pal::syscall(SYS_munmap, address, sizeof(Session));
    return nullptr;
  }
  pal::syscall(SYS_madvise, address, sizeof(Session), MADV_DONTDUMP);  // core files stay as they would be
  return candidate;
}

// The value of NAME=value, null when `entry` is not of that name.
[[nodiscard]] const char* value_of(const char* entry, const char* name) {
  const size_t length = strlen(name);
  return strncmp(entry, name, length) == 0 && entry[length] == '=' ? entry + length + 1 : nullptr;
}

// Removes and returns (or only returns) the value of `name`.
[[nodiscard]] const char* find_variable(char** environment, const char* name, bool remove) {
  for (char** entry = environment; entry != nullptr && *entry != nullptr; ++entry) {
    const char* const value = value_of(*entry, name);
    if (value == nullptr) continue;
    for (char** rest = entry; remove && *rest != nullptr; ++rest) rest[0] = rest[1];
    return value;
  }
  return nullptr;
}

// Reads digits up to `end`; negative when there are none or others.
[[nodiscard]] long parse_digits(const char*& text, char end) {
  long number = 0;
  const char* const start = text;
  for (; *text >= '0' && *text <= '9' && number < (1L << 31); ++text) number = number * 10 + (*text - '0');
  return text != start && *text == end ? number : -1;
}

// The descriptor that `value` names, negative when it is not of a session. Sets `mapped`.
[[nodiscard]] long map_inherited(const char* value) {
  const long fd = value != nullptr ? parse_digits(value, '\0') : -1;
  if (fd < 0) return -1;
  mapped = map_session(fd);
  return mapped != nullptr ? fd : -1;
}

// The same through /proc; the descriptor is a new one.
[[nodiscard]] long map_through_proc(const char* value) {
  if (value == nullptr) return -1;
  const char* rest = value;
  if (parse_digits(rest, ':') < 0) return -1;
  const char* fd_text = rest + 1;
  const char* fd_end = fd_text;
  if (parse_digits(fd_end, '\0') < 0) return -1;

  char path[64] = "/proc/";
  char* out = path + strlen(path);
  out = static_cast<char*>(mempcpy(out, value, static_cast<size_t>(rest - value)));
  out = static_cast<char*>(mempcpy(out, "/fd/", 4));
  memcpy(out, fd_text, static_cast<size_t>(fd_end - fd_text) + 1);
  const long fd = pal::syscall(SYS_openat, AT_FDCWD, static_cast<char*>(path), O_RDWR | O_CLOEXEC);
  if (fd < 0) return -1;
  mapped = map_session(fd);
  if (mapped != nullptr) return fd;
  pal::syscall(SYS_close, fd);
  return -1;
}

[[nodiscard]] ProcessRecord* find_record(uint32_t pid) {
  for (ProcessRecord& record : mapped->processes) {
    if (pal::load(record.state) == wire::kProcessLive && record.pid == pid) return &record;
  }
  return nullptr;
}

[[nodiscard]] ProcessRecord* claim_record() {
  for (ProcessRecord& record : mapped->processes) {
    if (pal::load(record.state) == wire::kProcessFree &&
        pal::compare_exchange(record.state, wire::kProcessFree, wire::kProcessClaimed)) {
      return &record;
    }
  }
  pal::fetch_add(mapped->lost_processes, 1);
  return nullptr;
}

// Everything of a new life of `record` but the ring, which outlives an exec.
void begin_record(ProcessRecord& record, uint32_t pid, wire::ProcessOrigin origin) {
  record.pid = pid;
  record.parent_pid = pal::parent_process_id();
  record.origin = origin;
  pal::fetch_add(record.generation, 1);
  pal::store(record.live_threads, 0);
  record.threads_at_fork = 0;
  record.start_ns = pal::monotonic_ns();
  record.thread_create_errno = 0;
  record.thread_create_count = 0;
  record.kill_signal = 0;
  record.runtime_flags = 0;
  memset(record.starts, 0, sizeof record.starts);
  memset(record.parent_starts, 0, sizeof record.parent_starts);
}

[[nodiscard]] ProcessRecord* claim_fresh_record(uint32_t pid, wire::ProcessOrigin origin) {
  ProcessRecord* const record = claim_record();
  if (record == nullptr) return nullptr;
  pal::store(record->ring, 0);
  pal::store(record->next_child, 0);
  memset(record->children, 0, sizeof record->children);
  begin_record(*record, pid, origin);
  return record;
}

}  // namespace

bool join_session(char** environment, void (*with_descriptor)(long)) {
  const char* const inherited = find_variable(environment, wire::kEnvInheritedFd, true);
  long fd = map_inherited(inherited);
  wire::ProcessOrigin origin = wire::kOriginRoot;
  if (mapped == nullptr) {
    fd = map_through_proc(find_variable(environment, wire::kEnvSession, false));
    origin = wire::kOriginExec;
  }
  if (mapped == nullptr) return false;

  own_pid = pal::process_id();
  own_record = find_record(own_pid);
  if (own_record != nullptr) {
    begin_record(*own_record, own_pid, wire::kOriginExec);  // the same process runs a new program
  } else {
    own_record = claim_fresh_record(own_pid, origin);
  }
  with_descriptor(fd);
  pal::syscall(SYS_close, fd);
  return true;
}

void join_after_fork() {
  if (mapped == nullptr) return;
  const ProcessRecord* const parent = own_record;
  const uint32_t threads = parent != nullptr ? pal::load(parent->live_threads) : 0;
  own_pid = pal::process_id();
  own_record = claim_fresh_record(own_pid, wire::kOriginFork);
  if (own_record != nullptr) own_record->threads_at_fork = threads;
  if (own_record != nullptr && parent != nullptr) inherit_thread_starts(*parent, *own_record);
  announce_process();
}

void announce_process() {
  if (own_record == nullptr) return;
  own_record->runtime_flags = wire::kRuntimeHandlersInstalled;
  pal::store(own_record->state, wire::kProcessLive);
  ring_doorbell();
}

void note_unannounced_child(uint32_t pid) {
  if (mapped == nullptr || find_record(pid) != nullptr) return;
  ProcessRecord* const record = claim_fresh_record(pid, wire::kOriginFork);
  if (record == nullptr) return;
  if (own_record != nullptr) record->threads_at_fork = pal::load(own_record->live_threads);
  record->runtime_flags = wire::kRuntimeHandlersInstalled;
  pal::store(record->state, wire::kProcessLive);
}

Session* session() {
  return mapped;
}
ProcessRecord* process_record() {
  return own_record;
}
uint32_t joined_pid() {
  return own_pid;
}

bool in_session(uint32_t pid) {
  return mapped != nullptr && find_record(pid) != nullptr;
}

void ring_doorbell() {
  pal::fetch_add(mapped->doorbell, 1);
  pal::futex_wake_all(mapped->doorbell);
}

bool monitor_alive() {
  const uint32_t owner = pal::load(mapped->monitor_mutex[0]);
  return (owner & FUTEX_TID_MASK) != 0 && (owner & FUTEX_OWNER_DIED) == 0;
}

}  // namespace segwhy::runtime
