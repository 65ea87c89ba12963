#include "history/recorder_file.h"

#include <unistd.h>

#include <cerrno>
#include <limits>

namespace segwhy::history {

std::size_t RecorderFile::read(TargetAddr from, std::span<std::byte> out) {
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
  std::size_t done = 0;
  while (done < out.size() && from.value() <= kLargest - done) {
    const ssize_t got = ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(from.value() + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace segwhy::history
