#include "history/reader.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace segwhy::history {
namespace {

constexpr std::size_t kFormerShown = 3;
constexpr std::uint8_t kMaxAlignmentLog2 = 40;
constexpr std::uint64_t kTensorAlignment = 32;  // and more: what frameworks ask for their buffers
// Whose code asked for a block shows in the innermost frames.
constexpr std::size_t kFramesOfOwner = 12;

bool comes_from(const BlockEvent& event, std::string_view part) {
  const std::size_t shown = std::min(event.native.size(), kFramesOfOwner);
  return std::any_of(event.native.begin(), event.native.begin() + static_cast<std::ptrdiff_t>(shown),
                     [part](const NativeFrame& f) { return base_name(f.module).find(part) != std::string_view::npos; });
}

const char* state_of(const wire::BlockRecord& record) {
  return record.state == wire::kBlockLive ? "live" : "freed";
}

}  // namespace

std::string kind_of(const Block& block) {
  if (!block.allocated) return "other";
  const BlockEvent& allocated = *block.allocated;
  if (comes_from(allocated, "_multiarray_umath") || comes_from(allocated, "multiarray.")) return "array";
  const bool framework = comes_from(allocated, "tensorflow") || comes_from(allocated, "libtorch") ||
                         comes_from(allocated, "libc10") || comes_from(allocated, "xla_extension");
  return block.alignment.value_or(0) >= kTensorAlignment && framework ? "tensor" : "other";
}

Reader::Reader(const Query& query, const Naming& naming, Area area)
    : now_(query.now), area_(std::move(area)), stacks_(area_), events_(stacks_, area_, now_, naming) {}

std::unique_ptr<Reader> Reader::open(const Query& query, const Naming& naming) {
  auto area = Area::open(*query.file, query.record, query.generation);
  if (!area) return nullptr;
  std::unique_ptr<Reader> reader(new Reader(query, naming, std::move(*area)));
  reader->open_parent(query, naming);
  return reader;
}

// One step up only: what a grandparent allocated is rare, and its area may be another's by now.
void Reader::open_parent(const Query& query, const Naming& naming) {
  const wire::ParentLink& link = area_.header().parent;
  if (link.record == 0 || link.record - 1 == query.record) return;
  auto area = Area::open(*query.file, link.record - 1, link.generation);
  if (!area) return;
  parent_.reset(new Reader(query, naming, std::move(*area)));
}

std::optional<double> Reader::age(std::uint64_t ticks) const {
  return age_s(area_.header(), now_, ticks);
}

// The parent's record, as it was at the fork.
std::optional<FoundBlock> Reader::find_inherited(std::uint64_t address) const {
  if (!parent_) return std::nullopt;
  auto found = find_block(parent_->area_, address);
  const std::uint64_t fork = area_.header().parent.fork_ticks;
  if (!found || found->record.allocated_ticks > fork) return std::nullopt;
  if (found->record.freed_ticks > fork) {
    found->record.state = wire::kBlockLive;
    found->record.free_stack = 0;
    found->record.freed_ticks = 0;
  }
  return found;
}

std::optional<FoundBlock> Reader::find(std::uint64_t address) const {
  const auto own = find_block(area_, address);
  if (own) return own;
  return find_inherited(address);
}

void Reader::describe_allocation(const wire::BlockRecord& record, Block& into) {
  // Allocated before the fork: the parent knows by whom. The same when the whole record is the parent's.
  const bool inherited = (record.flags & wire::kBlockFromParent) != 0;
  const auto before = parent_ ? find_inherited(record.address) : std::nullopt;
  const bool parents = before && before->record.address == record.address &&
                       (inherited || before->record.allocated_ticks == record.allocated_ticks);
  if (inherited && !parents) return;
  const wire::BlockRecord& source = parents ? before->record : record;
  Reader& reader = parents ? *parent_ : *this;
  reader.describe({source.allocation_stack, source.allocating_tid, source.allocated_ticks, 0}, into.allocated);
}

void Reader::describe(const EventBuilder::Recorded& recorded, std::optional<BlockEvent>& into) {
  if (recorded.stack == 0 && recorded.tid == 0 && recorded.pc == 0) return;
  events_.fill(recorded, into.emplace());
}

void Reader::describe(const wire::BlockRecord& record, std::int64_t offset, Block& into) {
  into.address = record.address;
  into.size = record.size;
  into.offset = offset;
  into.state = state_of(record);
  into.reallocated = (record.flags & wire::kBlockReallocated) != 0;
  if (record.alignment_log2 <= kMaxAlignmentLog2) into.alignment = std::uint64_t{1} << record.alignment_log2;
  describe_allocation(record, into);
  if (record.state != wire::kBlockLive)
    describe({record.free_stack, record.freeing_tid, record.freed_ticks, 0}, into.freed);
  const bool inside = offset >= 0 && static_cast<std::uint64_t>(offset) < record.size;
  into.place = inside ? kPlaceInside : kPlaceSlack;
  into.sole_owner = true;
}

void Reader::describe(const FoundBlock& found, std::int64_t offset, Block& into) {
  describe(found.record, offset, into);
  if (found.place == Place::kGuard) into.place = kPlaceGuard;
  into.sole_owner = found.sole_owner;
  const std::vector<wire::PastLife> lives = former_blocks(area_, found, kFormerShown);
  into.former.resize(lives.size());
  for (std::size_t i = 0; i < lives.size(); ++i) {
    FormerBlock& former = into.former[i];
    former.address = lives[i].address;
    if (lives[i].size != wire::kSizeSaturated) former.size = lives[i].size;
    describe({lives[i].allocation_stack, 0, 0, 0}, former.allocated);
    describe({lives[i].free_stack, lives[i].freeing_tid, lives[i].freed_ticks, 0}, former.freed);
  }
}

void Reader::resolve() {
  events_.resolve();
  if (parent_) parent_->events_.resolve();
}

}  // namespace segwhy::history
