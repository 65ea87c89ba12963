#include "monitor/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace segwhy {
namespace {

// Fills the lowest free descriptor, which the caller knows to be the one it wants.
void fill_lowest() {
  if (::open("/dev/null", O_RDWR) >= 0) return;
  int ends[2];
  // Both ends stay: the second goes to the next free number, which is one of ours to plug or gets closed by the exec.
  if (::pipe2(ends, O_CLOEXEC) == 0) ::close(ends[1]);
}

void close_range_or_loop(unsigned first, unsigned last) {
  if (first > last || ::close_range(first, last, 0) == 0) return;
  rlimit limit{};
  constexpr unsigned kFallback = 4096;
  const unsigned count = ::getrlimit(RLIMIT_NOFILE, &limit) == 0
                             ? static_cast<unsigned>(std::min<rlim_t>(limit.rlim_cur, 1U << 20))
                             : kFallback;
  for (unsigned fd = first; fd <= last && fd < count; ++fd) ::close(static_cast<int>(fd));
}

}  // namespace

StandardDescriptors StandardDescriptors::plug_closed() {
  StandardDescriptors state;
  for (int fd = 0; fd < 3; ++fd) {
    state.open_.at(static_cast<std::size_t>(fd)) = ::fcntl(fd, F_GETFD) >= 0;
    if (!state.was_open(fd)) fill_lowest();
  }
  return state;
}

void StandardDescriptors::unplug() const {
  for (int fd = 0; fd < 3; ++fd)
    if (!was_open(fd)) ::close(fd);
}

void redirect_to_null(int fd) {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) {
    ::close(fd);
    return;
  }
  if (null != fd) {
    ::dup2(null, fd);
    ::close(null);
  }
}

void close_all_except(std::initializer_list<int> keep) {
  std::vector<unsigned> kept;
  for (const int fd : keep)
    if (fd >= 3) kept.push_back(static_cast<unsigned>(fd));
  std::sort(kept.begin(), kept.end());
  unsigned first = 3;
  for (const unsigned fd : kept) {
    if (fd > first) close_range_or_loop(first, fd - 1);
    first = std::max(first, fd + 1);
  }
  close_range_or_loop(first, ~0U);
}

}  // namespace segwhy
