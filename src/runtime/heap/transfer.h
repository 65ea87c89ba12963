// Buffers that the program hands to the kernel (read, write and their kin; abi/transfers.cc).
//
// The kernel does not fault at a guard or a freed block: it ends the call with EFAULT or a short count, which a plain
// run would not have got. Therefore a buffer that does not lie within a live block is replaced for the call by a
// *stand-in*, memory of the same size: what the block holds is copied there or back, what lies outside of it reads as
// it is where that is possible and else as zeros, and what is written there goes nowhere. The call does what it would
// have done, and what the kernel transferred outside of the block is noted as a finding, of the very call.
//
// Only what was transferred counts: a length that is larger than the block is no error by itself.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "runtime/heap/heap.h"
#include "runtime/heap/near_block.h"

namespace segwhy::runtime::heap {

enum class Direction : uint8_t { kFromProgram, kToProgram };

// Which call it is, by libc's function, and what it does to the program's memory.
struct Call {
  uintptr_t function;
  Direction direction;
};

template <typename Function>
[[nodiscard]] inline Call sending(Function* function) {
  return {reinterpret_cast<uintptr_t>(function), Direction::kFromProgram};
}
template <typename Function>
[[nodiscard]] inline Call receiving(Function* function) {
  return {reinterpret_cast<uintptr_t>(function), Direction::kToProgram};
}

// True when `data` may lie in a block of the heap; everything else costs no more than this.
[[nodiscard]] inline bool may_be_block(const void* data) {
  return in_arena(data) || takes_small_blocks();
}

// False: the result tells more than was transferred, or the kernel reads the buffer later.
[[nodiscard]] inline bool is_plain_transfer(int message_flags) {
  return (message_flags & (MSG_TRUNC | MSG_ZEROCOPY)) == 0;
}

// One buffer of one call, on the stack of the wrapper. errno is kept.
class Transfer {
 public:
  Transfer() = default;  // of nothing
  Transfer(const Call& call, const void* data, size_t size);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  Transfer(Transfer&&) = delete;
  Transfer& operator=(Transfer&&) = delete;
  ~Transfer();

  // Where the kernel is to find the bytes.
  [[nodiscard]] void* data() const { return reinterpret_cast<void*>(stand_in_ != 0 ? stand_in_ : begin_); }

  // The call is over: the kernel transferred `result` bytes, or refused with errno.
  void finish(ssize_t result, const Caller& caller);

 private:
  void prepare(const Call& call, const void* data, size_t size);
  friend class Transfers;

  void make_stand_in();
  void copy_out();
  void copy_back(size_t transferred) const;
  [[nodiscard]] bool explains_refusal(NearBlock& now) const;
  void judge(size_t transferred, bool refused, const Caller& caller) const;

  Call call_{};
  uintptr_t begin_ = 0;
  size_t size_ = 0;
  uintptr_t stand_in_ = 0;
  bool known_ = false;  // block_ is where it begins
  NearBlock block_{};
};

// The buffers of a vectored call, as far as they are few.
class Transfers {
 public:
  Transfers(const Call& call, const iovec* vectors, size_t count);
  [[nodiscard]] const iovec* data() const { return data_; }
  void finish(ssize_t result, const Caller& caller);

 private:
  static constexpr size_t kMost = 16;
  [[nodiscard]] static bool any_block(const iovec* vectors, size_t count);

  const iovec* data_;
  size_t count_ = 0;  // that are looked at
  iovec copies_[kMost];
  Transfer parts_[kMost];
};

// The buffers of a message.
class MessageTransfers {
 public:
  MessageTransfers(const Call& call, msghdr* message, int flags);
  [[nodiscard]] msghdr* data() { return data_; }
  void finish(ssize_t result, const Caller& caller);

 private:
  const Call call_;
  msghdr* const original_;
  msghdr* data_;
  msghdr copy_;
  Transfers parts_;
};

// In a forked child: its findings are its own.
void forget_transfers();

}  // namespace segwhy::runtime::heap
