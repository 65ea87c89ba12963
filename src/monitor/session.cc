#include "monitor/session.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace segwhy {
namespace {

// Long enough for several processes that crash at once to be captured one after the other; the end of the wait when the
// monitor is stopped rather than dead.
constexpr std::uint32_t kCrashWaitMs = 10'000;
// Programs that handle SIGSEGV as a matter of course (a JVM) must not pay for a capture each time.
constexpr std::uint32_t kHandledCaptureLimit = 3;

static_assert(sizeof(pthread_mutex_t) <= sizeof(wire::Session::monitor_mutex));

// MFD_NOEXEC_SEAL is 6.3+; older headers and kernels lack it.
constexpr unsigned kNoExecSeal = 0x0008U;

Fd make_memfd() {
  Fd fd(::memfd_create("segwhy-session", MFD_CLOEXEC | MFD_ALLOW_SEALING | kNoExecSeal));
  if (!fd && errno == EINVAL) fd = Fd(::memfd_create("segwhy-session", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  return fd;
}

// Sizes the file with the flight recorder, or without it where that fails (RLIMIT_FSIZE). True: with it.
Result<bool> size_file(int fd, const Protection& protection) {
  const bool wanted = protection.mode != wire::kProtectOff || protection.account_bytes != 0;
  if (wanted && ::ftruncate(fd, static_cast<off_t>(wire::kRecorderFileBytes)) == 0) return true;
  if (::ftruncate(fd, sizeof(wire::Session)) != 0) return fail_errno("size the session memory", errno);
  return false;
}

}  // namespace

Result<Session> Session::create(const Protection& protection) {
  Fd fd = make_memfd();
  if (!fd) return fail_errno("create the session memory (memfd_create)", errno);
  const auto with_areas = size_file(fd.get(), protection);
  if (!with_areas) return tl::unexpected(with_areas.error());
  ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail_errno("stat the session memory", errno);
  void* at = ::mmap(nullptr, sizeof(wire::Session), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (at == MAP_FAILED) return fail_errno("map the session memory", errno);
  auto* memory = static_cast<wire::Session*>(at);
  memory->version = wire::kVersion;
  memory->size = sizeof(wire::Session);
  memory->crash_wait_ms = kCrashWaitMs;
  memory->handled_capture_limit = kHandledCaptureLimit;
  memory->protect = protection.mode;
  memory->budget_permille = protection.budget_permille;
  memory->account_bytes = protection.account_bytes;
  memory->areas_offset = *with_areas ? wire::kAreasOffset : 0;
  memory->magic = wire::kMagic;
  return Session(std::move(fd), memory, status.st_ino);
}

Session::Session(Session&& other) noexcept
    : fd_(std::move(other.fd_)),
      memory_(std::exchange(other.memory_, nullptr)),
      inode_(other.inode_),
      created_ns_(other.created_ns_) {}

// The kernel refuses to seal a file against writing while anyone has it mapped shared and writable. Our own mapping is
// replaced by a private one of the same contents for the question, at the same address: the doorbell's thread reads it
// meanwhile.
bool Session::used_by_others() const {
  const auto map = [this](int sharing) {
    constexpr int kAccess = PROT_READ | PROT_WRITE;
    return ::mmap(memory_, sizeof(wire::Session), kAccess, sharing | MAP_FIXED, fd_.get(), 0) != MAP_FAILED;
  };
  if (!map(MAP_PRIVATE)) return false;
  const bool used = ::fcntl(fd_.get(), F_ADD_SEALS, F_SEAL_WRITE) != 0 && errno == EBUSY;
  return used && map(MAP_SHARED);
}

Session::~Session() {
  if (memory_ != nullptr) ::munmap(memory_, sizeof(wire::Session));
}

Status Session::attach_monitor() {
  pthread_mutexattr_t attributes;
  ::pthread_mutexattr_init(&attributes);
  ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  void* const place = memory_->monitor_mutex;
  auto* const mutex = static_cast<pthread_mutex_t*>(place);
  const int made = ::pthread_mutex_init(mutex, &attributes);
  ::pthread_mutexattr_destroy(&attributes);
  if (made != 0) return fail_errno("initialise the monitor's lock", made);
  if (const int locked = ::pthread_mutex_lock(mutex); locked != 0) return fail_errno("take the monitor's lock", locked);
  memory_->monitor_pid = static_cast<std::uint32_t>(::getpid());
  return {};
}

void wake_word(std::uint32_t& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

StderrTail read_stderr_ring(const wire::Session& session, std::uint32_t ring, std::uint32_t owner_pid) {
  if (ring == 0 || ring > wire::kMaxRings) return {};
  const wire::StderrRing& from = session.rings[ring - 1];
  if (load_word(from.owner_pid) != owner_pid) return {};
  const std::uint64_t written = __atomic_load_n(&from.written, __ATOMIC_ACQUIRE);
  StderrTail tail;
  tail.complete = written <= wire::kRingBytes;
  const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(written, wire::kRingBytes));
  const std::size_t begin = tail.complete ? 0 : static_cast<std::size_t>(written % wire::kRingBytes);
  tail.text.resize(size);
  const std::size_t first = std::min(size, wire::kRingBytes - begin);
  std::memcpy(tail.text.data(), from.text + begin, first);
  std::memcpy(tail.text.data() + first, from.text, size - first);
  return tail;
}

std::string read_abort_text(const wire::CrashRecord& crash) {
  const std::size_t size = std::min<std::size_t>(crash.abort_text_size, wire::kAbortTextBytes);
  std::string text(size, '\0');
  std::memcpy(text.data(), crash.abort_text, size);
  text.resize(::strnlen(text.data(), size));
  return text;
}

}  // namespace segwhy
