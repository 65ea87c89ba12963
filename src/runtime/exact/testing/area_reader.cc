#include "runtime/exact/testing/area_reader.h"

#include <cstring>

namespace segwhy::runtime::testing {
namespace {

template <typename T>
std::unique_ptr<T> read_at(const FakeMonitor& monitor, const wire::ProcessRecord& process, std::uint64_t offset) {
  const std::string bytes = monitor.area_bytes(process, offset, sizeof(T));
  if (bytes.size() != sizeof(T)) return nullptr;
  auto value = std::make_unique<T>();
  std::memcpy(static_cast<void*>(value.get()), bytes.data(), sizeof(T));
  return value;
}

}  // namespace

std::unique_ptr<wire::AccessTable> read_access_table(const FakeMonitor& monitor, const wire::ProcessRecord& process) {
  const auto area = read_at<wire::AreaHeader>(monitor, process, 0);
  if (area == nullptr || area->magic != wire::kAreaMagic) return nullptr;
  return read_at<wire::AccessTable>(monitor, process, area->sections[wire::kSectionAccesses].offset);
}

}  // namespace segwhy::runtime::testing
