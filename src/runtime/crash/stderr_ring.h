// The last bytes that this process wrote to descriptor 2, kept in the session. Claimed at the first byte.
// Thread-safe and async-signal-safe; costs one compare for any other descriptor.
#pragma once

#include <stddef.h>

namespace segwhy::runtime {

// To be called after the bytes were written: `data` may be anything by then, it is read without trust.
void record_stderr(const void* data, size_t size);

inline void record_write(int fd, const void* data, long written) {
  if (__builtin_expect(fd == 2, 0) && written > 0) record_stderr(data, static_cast<size_t>(written));
}

}  // namespace segwhy::runtime
