#include "runtime/heap/transfer.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/heap/ledger.h"
#include "runtime/heap/survived.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/guarded_copy.h"
#include "runtime/pal/syscall.h"
#include "runtime/trace/stacks.h"

namespace segwhy::runtime::heap {
namespace {

// Places in the program whose calls have been found wrong: stack << 32 | finding + 1. The first ones are told apart.
constexpr uint32_t kPlaces = 64;
uint64_t places[kPlaces];  // atomic

// True when the place was known; its finding is counted once more.
[[nodiscard]] bool count_again(uint64_t stack) {
  for (const uint64_t& place : places) {
    const uint64_t known = pal::load(place);
    if (known == 0) return false;
    if (known >> 32 != stack) continue;
    count_repeat(static_cast<uint32_t>(known) - 1);
    return true;
  }
  return false;
}

void remember(uint64_t stack, uint32_t finding) {
  for (uint64_t& place : places) {
    if (pal::compare_exchange(place, uint64_t{0}, stack << 32 | (finding + uint64_t{1}))) return;
  }
}

// A read beyond it is no overrun by some elements but a wild length: the kernel is to say so, as it would plainly.
constexpr size_t kFarthestRead = size_t{1} << 20;

struct Range {
  uintptr_t begin, end;
};

[[nodiscard]] size_t stand_in_bytes(uintptr_t begin, size_t size) {
  return round_up(begin % kPageBytes + size, kPageBytes);
}

}  // namespace

Transfer::Transfer(const Call& call, const void* data, size_t size) {
  prepare(call, data, size);
}

Transfer::~Transfer() {
  if (stand_in_ == 0) return;
  pal::syscall(SYS_munmap, stand_in_ / kPageBytes * kPageBytes, stand_in_bytes(begin_, size_));
}

void Transfer::prepare(const Call& call, const void* data, size_t size) {
  call_ = call;
  begin_ = reinterpret_cast<uintptr_t>(data);
  size_ = size;
  if (size == 0 || !may_be_block(data) || begin_ + size < begin_) return;
  known_ = find_near_block(begin_, block_);
  if (!known_ || block_.holds(begin_, size)) return;
  const bool reads = call.direction == Direction::kFromProgram;
  const uintptr_t last = block_.live ? block_.end() : begin_;
  if (reads && begin_ + size > last && begin_ + size - last > kFarthestRead + (block_.live ? 0 : block_.size)) return;
  make_stand_in();
  if (stand_in_ != 0 && reads) copy_out();
}

// As far into its page as the buffer: some calls want that aligned. None when memory is short.
void Transfer::make_stand_in() {
  const long memory = pal::syscall(SYS_mmap, nullptr, stand_in_bytes(begin_, size_), PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
  if (memory < 0 && memory > -static_cast<long>(kPageBytes)) return;
  stand_in_ = static_cast<uintptr_t>(memory) + begin_ % kPageBytes;
}

// What lies on the block's own pages, unless those are inaccessible. A fault ends it early.
void Transfer::copy_out() {
  if (!block_.live && block_.record.state != wire::kBlockFreed) return;
  const uintptr_t first = block_.address / kPageBytes * kPageBytes;
  const uintptr_t last = round_up(block_.end(), kPageBytes);
  const uintptr_t begin = begin_ > first ? begin_ : first;
  const uintptr_t end = begin_ + size_ < last ? begin_ + size_ : last;
  if (begin >= end) return;
  (void)pal::guarded_copy(reinterpret_cast<void*>(stand_in_ + (begin - begin_)), reinterpret_cast<const void*>(begin),
                          end - begin);
}

void Transfer::finish(ssize_t result, const Caller& caller) {
  if (!known_) return;
  const int saved = errno;
  const bool refused = result < 0 && saved == EFAULT && stand_in_ == 0;
  // Some calls return more than they transfer.
  const size_t transferred = result < 0 ? 0 : static_cast<size_t>(result) < size_ ? static_cast<size_t>(result) : size_;
  if (stand_in_ != 0 && call_.direction == Direction::kToProgram) copy_back(transferred);
  judge(transferred, refused, caller);
  errno = saved;
}

// Nothing but the block's own bytes.
void Transfer::copy_back(size_t transferred) const {
  if (!block_.live) return;
  const uintptr_t begin = begin_ > block_.address ? begin_ : block_.address;
  const uintptr_t end = begin_ + transferred < block_.end() ? begin_ + transferred : block_.end();
  if (begin >= end) return;
  (void)pal::guarded_copy(reinterpret_cast<void*>(begin), reinterpret_cast<const void*>(stand_in_ + (begin - begin_)),
                          end - begin);
}

namespace {

// What of [begin, end) lies outside of the block, the part behind it if there is one.
[[nodiscard]] Range outside_of(const NearBlock& block, uintptr_t begin, uintptr_t end) {
  if (!block.live) return {begin, end};
  if (end > block.end()) return {begin > block.end() ? begin : block.end(), end};
  return begin < block.address ? Range{begin, end < block.address ? end : block.address} : Range{end, end};
}

}  // namespace

// The kernel came upon a place without access where it should have begun: because the block was freed meanwhile, or
// lies elsewhere. A length that leads out of the block may have been refused for itself.
bool Transfer::explains_refusal(NearBlock& now) const {
  if (block_.holds(begin_, size_)) return find_near_block(begin_, now) && !now.live;
  return !block_.holds(begin_, 1);
}

void Transfer::judge(size_t transferred, bool refused, const Caller& caller) const {
  NearBlock block = block_;
  if (refused && !explains_refusal(block)) return;
  const Range wrong = outside_of(block, begin_, begin_ + (refused ? size_ : transferred));
  if (wrong.begin >= wrong.end) return;
  const uint32_t stack = trace::intern_stack(caller.return_address, caller.frame);
  if (count_again(stack)) return;
  Wrong finding{};
  finding.kind = call_.direction == Direction::kFromProgram ? wire::kFindingCallRead : wire::kFindingCallWrite;
  finding.block = &block.record;
  finding.stack = stack;
  finding.address = wrong.begin;
  finding.count = wrong.end - wrong.begin;
  finding.pc = call_.function;
  remember(stack, report_wrong(finding));
  show_findings();
}

bool Transfers::any_block(const iovec* vectors, size_t count) {
  for (size_t index = 0; index < count; ++index) {
    if (may_be_block(vectors[index].iov_base)) return true;
  }
  return false;
}

Transfers::Transfers(const Call& call, const iovec* vectors, size_t count) : data_(vectors) {
  if (arena().base == 0 || count > kMost) return;
  const size_t bytes = count * sizeof(iovec);
  if (pal::guarded_copy(copies_, vectors, bytes) != bytes || !any_block(copies_, count)) return;
  count_ = count;
  bool any = false;
  for (size_t index = 0; index < count; ++index) {
    parts_[index].prepare(call, copies_[index].iov_base, copies_[index].iov_len);
    any = any || parts_[index].stand_in_ != 0;
    copies_[index].iov_base = parts_[index].data();
  }
  if (any) data_ = copies_;
}

void Transfers::finish(ssize_t result, const Caller& caller) {
  ssize_t left = result;
  for (size_t index = 0; index < count_; ++index) {
    const auto size = static_cast<ssize_t>(parts_[index].size_);
    const ssize_t part = left < size ? left : size;
    parts_[index].finish(part, caller);
    if (result > 0) left -= part;
  }
}

namespace {

// Empty when it is not to be looked at or cannot be read.
[[nodiscard]] msghdr copy_of(const msghdr* message, int flags) {
  msghdr copy{};
  const bool readable =
      arena().base != 0 && is_plain_transfer(flags) && pal::guarded_copy(&copy, message, sizeof copy) == sizeof copy;
  return readable ? copy : msghdr{};
}

}  // namespace

MessageTransfers::MessageTransfers(const Call& call, msghdr* message, int flags)
    : call_(call),
      original_(message),
      data_(message),
      copy_(copy_of(message, flags)),
      parts_(call, copy_.msg_iov, copy_.msg_iovlen) {
  if (parts_.data() == copy_.msg_iov) return;
  copy_.msg_iov = const_cast<iovec*>(parts_.data());
  data_ = &copy_;
}

// What the kernel changes in a message goes back to the program's.
void MessageTransfers::finish(ssize_t result, const Caller& caller) {
  if (data_ == &copy_ && result >= 0 && call_.direction == Direction::kToProgram) {
    original_->msg_namelen = copy_.msg_namelen;
    original_->msg_controllen = copy_.msg_controllen;
    original_->msg_flags = copy_.msg_flags;
  }
  parts_.finish(result, caller);
}

void forget_transfers() {
  memset(places, 0, sizeof places);
}

}  // namespace segwhy::runtime::heap
