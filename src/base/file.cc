#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.h"

namespace segwhy {
namespace {

// -1 with errno set on failure; retries when interrupted.
ssize_t read_some(int fd, char* into, std::size_t size) {
  ssize_t got = 0;
  do {
    got = ::read(fd, into, size);
  } while (got < 0 && errno == EINTR);
  return got;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

// A device, a pipe, /dev/stdout: to be written to, and never to be replaced.
bool is_special(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode);
}

Status write_in_place(const std::string& path, std::string_view text) {
  // Without a reader, a named pipe is an error and no endless wait.
  const Fd fd(::open(path.c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return fail_errno("open " + path, errno);
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags >= 0) ::fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK);
  return write_all(fd.get(), text) ? Status() : fail_errno("write " + path, errno);
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t max) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno("open " + path, errno);
  std::string out;
  constexpr std::size_t kChunk = 1 << 16;
  for (;;) {
    const std::size_t old = out.size();
    if (old > max) return fail("read " + path + ": larger than " + std::to_string(max) + " bytes");
    out.resize(old + kChunk);
    const ssize_t got = read_some(fd.get(), out.data() + old, kChunk);
    if (got < 0) return fail_errno("read " + path, errno);
    out.resize(old + static_cast<std::size_t>(got));
    if (got == 0) return out;
  }
}

Status write_file_atomic(const std::string& path, std::string_view text, unsigned mode) {
  if (is_special(path)) return write_in_place(path, text);
  std::string beside = path + ".XXXXXX";
  const Fd fd(::mkostemp(beside.data(), O_CLOEXEC));
  if (!fd) return fail_errno("create a file beside " + path, errno, "choose a writable directory");
  const bool written = write_all(fd.get(), text) && ::fchmod(fd.get(), mode) == 0;
  if (written && ::rename(beside.c_str(), path.c_str()) == 0) return {};
  const int why = errno;
  ::unlink(beside.c_str());
  return fail_errno("write " + path, why, "free some space or choose another directory");
}

}  // namespace segwhy
