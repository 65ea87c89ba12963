#include "runtime/heap/allowance.h"

#include <fcntl.h>

#include "runtime/heap/slots.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/syscall.h"

namespace segwhy::runtime::heap {
namespace {

// Unused parts of pages: so much in any case, and this share of the protected bytes.
constexpr uint64_t kFreeWaste = uint64_t{24} << 20;
constexpr uint64_t kWasteShare = 16;
// Freed pages that wait for the next block of their size.
constexpr uint64_t kFreeStock = uint64_t{24} << 20;
constexpr uint64_t kStockShare = 32;
// Of the system's mappings. A block takes two: its own, and the reservation is cut by it.
constexpr uint64_t kMappingShare = 8;
constexpr uint64_t kUsualMappings = 65530;

uint64_t live_bytes, wasted_bytes, stocked_pages;
int64_t mappings, most_mappings;

[[nodiscard]] uint64_t read_number(const char* path, uint64_t otherwise) {
  const long fd = pal::syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return otherwise;
  char text[32];
  const long length = pal::syscall(SYS_read, fd, static_cast<char*>(text), sizeof text);
  pal::syscall(SYS_close, fd);
  uint64_t number = 0;
  for (long i = 0; i < length && text[i] >= '0' && text[i] <= '9'; ++i) {
    number = number * 10 + static_cast<uint64_t>(text[i] - '0');
  }
  return number != 0 ? number : otherwise;
}

}  // namespace

void prepare_allowance() {
  most_mappings = static_cast<int64_t>(read_number("/proc/sys/vm/max_map_count", kUsualMappings) / kMappingShare / 2);
}

bool take_allowance(uint64_t size, uint64_t waste) {
  const uint64_t live = pal::fetch_add(live_bytes, size) + size;
  if (pal::fetch_add(wasted_bytes, waste) + waste <= kFreeWaste + live / kWasteShare) return true;
  give_back_allowance(size, waste);
  return false;
}

void give_back_allowance(uint64_t size, uint64_t waste) {
  pal::fetch_add(live_bytes, uint64_t{0} - size);
  pal::fetch_add(wasted_bytes, uint64_t{0} - waste);
}

void change_allowance(int64_t size, int64_t pages) {
  const int64_t waste = pages * static_cast<int64_t>(kPageBytes) - size;
  pal::fetch_add(live_bytes, static_cast<uint64_t>(size));
  pal::fetch_add(wasted_bytes, static_cast<uint64_t>(waste));
}

bool take_stock_allowance(uint64_t pages) {
  const uint64_t limit = (kFreeStock + pal::load(live_bytes) / kStockShare) / kPageBytes;
  if (pal::fetch_add(stocked_pages, pages) + pages <= limit) return true;
  give_back_stock(pages);
  return false;
}

void give_back_stock(uint64_t pages) {
  pal::fetch_add(stocked_pages, uint64_t{0} - pages);
}

bool take_mapping() {
  if (pal::fetch_add(mappings, 1) < most_mappings) return true;
  give_back_mapping();
  return false;
}

void give_back_mapping() {
  pal::fetch_add(mappings, -1);
}

}  // namespace segwhy::runtime::heap
