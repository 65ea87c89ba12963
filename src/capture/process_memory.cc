#include "capture/process_memory.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

namespace segwhy {

Result<std::unique_ptr<ProcessMemory>> ProcessMemory::open(int pid, TargetAddr probe) {
  std::unique_ptr<ProcessMemory> memory(new ProcessMemory(pid));
  std::byte first{};
  errno = 0;
  if (memory->read_by_call(probe, std::span(&first, 1)) == 1) return memory;
  const int refused = errno;
  if (refused == ESRCH) return fail("process " + std::to_string(pid) + " is gone");
  const std::string path = "/proc/" + std::to_string(pid) + "/mem";
  memory->file_ = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!memory->file_) return fail_errno("open " + path, errno);
  if (memory->read_by_file(probe, std::span(&first, 1)) == 1) return memory;
  return fail_errno("read memory of process " + std::to_string(pid), errno != 0 ? errno : refused);
}

std::size_t ProcessMemory::read(TargetAddr from, std::span<std::byte> out) {
  return file_ ? read_by_file(from, out) : read_by_call(from, out);
}

std::size_t ProcessMemory::read_by_call(TargetAddr from, std::span<std::byte> out) const {
  // One element per page: a transfer ends at the first element that is not wholly readable.
  constexpr std::size_t kPage = 4096;
  constexpr std::size_t kElements = 64;
  std::size_t done = 0;
  while (done < out.size()) {
    std::array<iovec, kElements> remote{};
    std::size_t count = 0;
    std::size_t batch = 0;
    while (count < kElements && done + batch < out.size()) {
      const std::uint64_t at = from.value() + done + batch;
      const std::size_t size = std::min(out.size() - done - batch, kPage - at % kPage);
      remote.at(count++) = {reinterpret_cast<void*>(at), size};
      batch += size;
    }
    const iovec local{out.data() + done, batch};
    const ssize_t got = ::process_vm_readv(pid_, &local, 1, remote.data(), count, 0);
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
    if (static_cast<std::size_t>(got) < batch) break;
  }
  return done;
}

std::size_t ProcessMemory::read_by_file(TargetAddr from, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        ::pread(file_.get(), out.data() + done, out.size() - done, static_cast<off_t>(from.value() + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace segwhy
