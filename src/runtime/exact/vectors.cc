#include "runtime/exact/vectors.h"

#include <limits.h>

#include "runtime/exact/blocks.h"
#include "runtime/exact/views.h"
#include "runtime/pal/guarded_copy.h"

namespace segwhy::runtime::exact {
namespace {

// True when it was watched.
template <typename T>
bool open_pointer(T*& pointer) {
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  if (!is_watched(address)) return false;
  note_block_written(address);
  pointer = reinterpret_cast<T*>(open_address(address));
  return true;
}

// Empty when exact mode is off or it cannot be read.
[[nodiscard]] msghdr copy_of(const msghdr* message) {
  msghdr copy{};
  open_pointer(message);
  if (views().watched == 0 || pal::guarded_copy(&copy, message, sizeof copy) != sizeof copy) return {};
  return copy;
}

}  // namespace

OpenedVectors::OpenedVectors(const iovec* vectors, size_t count) : data_(vectors), count_(count) {
  if (views().watched == 0 || count > IOV_MAX) return;
  open_pointer(data_);
  const size_t copied = count < kMostVectors ? count : kMostVectors;
  const size_t bytes = copied * sizeof(iovec);
  if (pal::guarded_copy(copies_, data_, bytes) != bytes) return;
  bool any = false;
  for (size_t index = 0; index < copied; ++index) any = open_pointer(copies_[index].iov_base) || any;
  if (!any) return;
  data_ = copies_;
  count_ = copied;
}

OpenedMessage::OpenedMessage(const msghdr* message)
    : data_(const_cast<msghdr*>(message)), copy_(copy_of(message)), vectors_(copy_.msg_iov, copy_.msg_iovlen) {
  open_pointer(data_);
  bool any = vectors_.data() != copy_.msg_iov;
  any = open_pointer(copy_.msg_name) || any;
  any = open_pointer(copy_.msg_control) || any;
  if (!any) return;
  copy_.msg_iov = const_cast<iovec*>(vectors_.data());
  copy_.msg_iovlen = vectors_.count();
  data_ = &copy_;
}

void OpenedMessage::return_results(msghdr* original) const {
  if (data_ != &copy_) return;
  open_pointer(original);
  original->msg_namelen = copy_.msg_namelen;
  original->msg_controllen = copy_.msg_controllen;
  original->msg_flags = copy_.msg_flags;
}

}  // namespace segwhy::runtime::exact
