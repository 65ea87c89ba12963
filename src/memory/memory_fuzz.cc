// Fuzzes the reading of the table of call sites: a good recorder, over which the input scribbles.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "history/fake_recorder.h"
#include "memory/process_account.h"

namespace segwhy::memory {
namespace {

constexpr std::size_t kStep = 10;  // of the input: where (2 bytes), what (8 bytes)

void read_scribbled(std::span<const std::byte> input) {
  history::FakeRecorder recorder;
  recorder.sites(1 << 20, 4);
  wire::SiteRecord record{};
  record.stack = recorder.stack("train.py", 12, {0x401000});
  record.live_bytes = record.total_bytes = 1 << 24;
  record.live_blocks = record.total_blocks = 16;
  recorder.put_site(1, record);
  auto account = ProcessAccount::open(recorder.query());
  if (!account) return;
  double at = 0;
  for (; input.size() >= kStep; input = input.subspan(kStep)) {
    std::uint16_t place = 0;
    std::memcpy(&place, input.data(), sizeof place);
    const bool stacks = (place & 0x8000) != 0;
    const wire::AreaSection section = stacks ? wire::kSectionStacks : wire::kSectionSites;
    const std::uint64_t start = stacks ? offsetof(wire::StackSection, words) : 0;
    recorder.file.write(wire::area_offset(history::FakeRecorder::kRecord) + recorder.header.sections[section].offset +
                            start + place % 1024,
                        input.subspan(2, 8));
    (void)account->look(at += 1);
  }
  (void)account->use(recorder.query().now, {});
}

}  // namespace
}  // namespace segwhy::memory

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  segwhy::memory::read_scribbled(std::as_bytes(std::span(data, size)));
  return 0;
}
