// Fuzzes the reading of a flight recorder: a good one, over which the input scribbles.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "history/fake_recorder.h"

namespace segwhy::history {
namespace {

// Consumes the input: numbers, zero when it is used up.
class Input {
 public:
  explicit Input(std::span<const std::byte> bytes) : bytes_(bytes) {}
  template <class T>
  T take() {
    T value{};
    const std::size_t n = std::min(bytes_.size(), sizeof value);
    if (n != 0) std::memcpy(&value, bytes_.data(), n);
    bytes_ = bytes_.subspan(n);
    return value;
  }
  std::span<const std::byte> take_bytes(std::size_t most) {
    const auto taken = bytes_.first(std::min(most, bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }
  [[nodiscard]] bool more() const { return !bytes_.empty(); }

 private:
  std::span<const std::byte> bytes_;
};

void read_scribbled(Input input) {
  FakeRecorder recorder;
  auto block = recorder.block(2, 100, wire::kBlockQuarantined);
  block.allocation_stack = recorder.stack("train.py", 12, {0x401000});
  block.free_stack = recorder.stack("train.py", 20);
  recorder.put_block(2, block);
  wire::Finding finding{};
  finding.complete = 1;
  finding.kind = wire::kFindingWriteBehind;
  finding.block = block;
  recorder.finding(0, finding);
  Case c;
  c.fault.emplace();
  c.fault->address = FakeRecorder::kBase + input.take<std::uint16_t>() % (FakeRecorder::kSlots * FakeRecorder::kStride);
  Query query = recorder.query();
  if (input.take<std::uint8_t>() % 4 == 0) query.access_finding = input.take<std::uint8_t>();
  const std::uint64_t area = wire::area_offset(FakeRecorder::kRecord);
  while (input.more()) {
    const auto section = input.take<std::uint8_t>() % (wire::kSectionCount + 1);
    const std::uint64_t start = section == wire::kSectionCount ? 0 : recorder.header.sections[section].offset;
    const std::uint64_t at = input.take<std::uint16_t>();
    recorder.file.write(area + start + at, input.take_bytes(input.take<std::uint8_t>()));
  }
  (void)has_findings(query);
  add_history(query, Naming{}, c);
}

}  // namespace
}  // namespace segwhy::history

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  segwhy::history::read_scribbled(segwhy::history::Input(std::as_bytes(std::span(data, size))));
  return 0;
}
