#include "history/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evidence/model/heap.h"
#include "history/blocks.h"
#include "history/fake_recorder.h"

namespace segwhy::history {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t kPage = FakeRecorder::kPage;

std::uint64_t slot_begin(std::uint32_t slot) {
  return FakeRecorder::kBase + slot * FakeRecorder::kStride;
}

Case faulted_at(std::uint64_t address) {
  Case c;
  c.fault.emplace();
  c.fault->address = address;
  return c;
}

// The access `[base + index]`, or `[base]`.
void computed_from(Case& c, std::uint64_t base, std::optional<std::uint64_t> index = {}) {
  Operand operand;
  operand.kind = "memory";
  operand.read = true;
  operand.width = 4;
  operand.address = c.fault->address;
  operand.base = "rax";
  operand.registers["rax"] = base;
  if (index) {
    operand.index = "rcx";
    operand.registers["rcx"] = *index;
    operand.scale = 4;
  }
  c.fault->instruction.emplace();
  c.fault->instruction->operands.push_back(operand);
}

Case read(FakeRecorder& recorder, Case c) {
  add_history(recorder.query(), Naming{}, c);
  return c;
}

// --- which block ---------------------------------------------------------------------------------------------------

TEST(History, WithoutARecorderNothingIsKnown) {
  FakeFile file;
  Query query;
  query.file = &file;
  Case c = faulted_at(slot_begin(0));
  add_history(query, Naming{}, c);
  EXPECT_FALSE(c.block);
  EXPECT_FALSE(c.protection);
}

TEST(History, AnotherProcessesAreaIsNotBelieved) {
  FakeRecorder recorder;
  recorder.block(0, 100, wire::kBlockLive);
  Query query = recorder.query();
  ++query.generation;
  Case c = faulted_at(slot_begin(0) + kPage);
  add_history(query, Naming{}, c);
  EXPECT_FALSE(c.block);
}

TEST(History, BehindALiveBlock) {
  FakeRecorder recorder;
  const auto record = recorder.block(2, 100, wire::kBlockLive);
  const Case c = read(recorder, faulted_at(slot_begin(2) + kPage + 4));
  ASSERT_TRUE(c.block);
  EXPECT_EQ(c.block->address, record.address);
  EXPECT_EQ(c.block->size, 100u);
  EXPECT_EQ(c.block->offset, static_cast<std::int64_t>(slot_begin(2) + kPage + 4 - record.address));
  EXPECT_EQ(c.block->state, "live");
  EXPECT_EQ(c.block->place, kPlaceGuard);
  EXPECT_TRUE(c.block->sole_owner);
  EXPECT_EQ(c.block->alignment, 64u);
  ASSERT_TRUE(c.block->allocated);
  EXPECT_EQ(c.block->allocated->thread, 100);
  EXPECT_DOUBLE_EQ(*c.block->allocated->age_s, 9.0);
  EXPECT_FALSE(c.block->freed);
}

TEST(History, BeforeALiveBlockThatFillsItsSlot) {
  FakeRecorder recorder;
  recorder.block(3, kPage, wire::kBlockLive);  // begins with its slot
  const Case c = read(recorder, faulted_at(slot_begin(3) - 8));
  ASSERT_TRUE(c.block);
  EXPECT_EQ(c.block->offset, -8);
  EXPECT_TRUE(c.block->sole_owner);
}

TEST(History, BeforeTheFirstBlockOfARegion) {
  FakeRecorder recorder;
  recorder.block(0, kPage, wire::kBlockLive);
  const Case c = read(recorder, faulted_at(FakeRecorder::kBase - 8));
  ASSERT_TRUE(c.block);
  EXPECT_EQ(c.block->offset, -8);
  EXPECT_TRUE(c.block->sole_owner);
}

TEST(History, BeforeTheFirstBlockOfARegionThatFollowsAnother) {
  FakeRecorder recorder;  // the other one ends where this one begins, and nobody has used it
  recorder.put(wire::kSectionBlocks, offsetof(wire::BlockTable, regions) + sizeof(wire::Region),
               wire::Region{FakeRecorder::kBase, FakeRecorder::kStride, kPage, 4, 4});
  recorder.put(wire::kSectionBlocks, offsetof(wire::BlockTable, regions),
               wire::Region{FakeRecorder::kBase - 4 * FakeRecorder::kStride, FakeRecorder::kStride, kPage, 4, 0});
  const auto record = recorder.block(0, kPage, wire::kBlockLive);
  recorder.put_block(0, {});
  recorder.put_block(4, record);
  EXPECT_EQ(read(recorder, faulted_at(FakeRecorder::kBase - 8)).block->offset, -8);
}

TEST(History, BetweenTwoBlocksTheNearerOneIsMeant) {
  FakeRecorder recorder;
  const auto first = recorder.block(2, kPage, wire::kBlockLive);
  const auto second = recorder.block(3, kPage, wire::kBlockLive);
  EXPECT_EQ(read(recorder, faulted_at(slot_begin(2) + kPage)).block->address, first.address);
  EXPECT_EQ(read(recorder, faulted_at(slot_begin(3) - 1)).block->address, second.address);
  EXPECT_TRUE(read(recorder, faulted_at(slot_begin(3) - 1)).block->sole_owner);
  // In the middle nobody can tell.
  EXPECT_FALSE(read(recorder, faulted_at(slot_begin(2) + kPage + kPage / 2)).block->sole_owner);
}

TEST(History, InsideAFreedBlock) {
  FakeRecorder recorder;
  auto record = recorder.block(1, 256, wire::kBlockQuarantined);
  record.allocation_stack = recorder.stack("train.py", 12);
  record.free_stack = recorder.stack("train.py", 20);
  recorder.put_block(1, record);
  const Case c = read(recorder, faulted_at(record.address + 16));
  ASSERT_TRUE(c.block);
  EXPECT_EQ(c.block->state, "freed");
  EXPECT_EQ(c.block->place, kPlaceInside);
  EXPECT_EQ(c.block->offset, 16);
  ASSERT_TRUE(c.block->allocated && c.block->freed);
  ASSERT_EQ(c.block->allocated->python.size(), 1u);
  EXPECT_EQ(c.block->allocated->python[0].file, "/home/user/train.py");
  EXPECT_EQ(c.block->allocated->python[0].line, 12);
  EXPECT_EQ(c.block->freed->python.at(0).line, 20);
  EXPECT_EQ(c.block->freed->thread, 101);
  EXPECT_DOUBLE_EQ(*c.block->freed->age_s, 8.0);
}

TEST(History, AnAccessComputedFromALiveBlockIsAnAccessToIt) {
  FakeRecorder recorder;
  const auto live = recorder.block(1, 64, wire::kBlockLive);
  const auto freed = recorder.block(5, 64, wire::kBlockQuarantined);
  Case c = faulted_at(freed.address);  // an index that ran far: into a block that happens to be freed
  computed_from(c, live.address, (freed.address - live.address) / 4);
  c = read(recorder, c);
  ASSERT_TRUE(c.block);
  EXPECT_EQ(c.block->address, live.address);
  EXPECT_EQ(c.block->offset, static_cast<std::int64_t>(freed.address - live.address));
  EXPECT_EQ(c.block->state, "live");
  EXPECT_FALSE(c.block->sole_owner);
}

TEST(History, AnUnscaledBaseDoesNotTakeAnAccessFromAFreedBlock) {
  FakeRecorder recorder;
  const auto live = recorder.block(1, 64, wire::kBlockLive);
  const auto freed = recorder.block(5, 64, wire::kBlockQuarantined);
  Case c = faulted_at(freed.address);  // one index for two arrays: the second is reached from the first
  computed_from(c, live.address, freed.address - live.address);
  c.fault->instruction->operands[0].scale = 1;
  EXPECT_EQ(read(recorder, c).block->address, freed.address);
}

TEST(History, AnAccessThatLeavesAllBlocksIsFoundByItsBase) {
  FakeRecorder recorder;
  const auto live = recorder.block(1, 64, wire::kBlockLive);
  Case c = faulted_at(live.address + (std::uint64_t{1} << 33));
  computed_from(c, live.address, std::uint64_t{1} << 31);
  c = read(recorder, c);
  ASSERT_TRUE(c.block);
  EXPECT_EQ(c.block->address, live.address);
}

TEST(History, ADanglingBaseDoesNotTakeAnAccessAwayFromWhereItEndedUp) {
  FakeRecorder recorder;
  const auto freed = recorder.block(1, 64, wire::kBlockQuarantined);
  const auto other = recorder.block(4, 64, wire::kBlockLive);
  Case c = faulted_at(other.address + 64);
  computed_from(c, freed.address, 1);
  EXPECT_EQ(read(recorder, c).block->address, other.address);
}

TEST(History, AnAddressInNoRegionHasNoBlock) {
  FakeRecorder recorder;
  recorder.block(0, 64, wire::kBlockLive);
  EXPECT_FALSE(read(recorder, faulted_at(0x1000)).block);
  EXPECT_FALSE(read(recorder, faulted_at(FakeRecorder::kBase - kPage - 1)).block);
  EXPECT_FALSE(read(recorder, faulted_at(slot_begin(FakeRecorder::kSlots))).block);
}

TEST(History, UnusedSlotsNameTheBlockBeforeThemWithDoubt) {
  FakeRecorder recorder;
  const auto record = recorder.block(1, 64, wire::kBlockLive);
  const Case c = read(recorder, faulted_at(slot_begin(2) + 10));
  ASSERT_TRUE(c.block);
  EXPECT_EQ(c.block->address, record.address);
  EXPECT_FALSE(c.block->sole_owner);
  EXPECT_FALSE(read(recorder, faulted_at(slot_begin(6))).block);
}

TEST(History, FormerBlocksOfTheSlotLatestFirst) {
  FakeRecorder recorder;
  recorder.block(2, 64, wire::kBlockLive);
  for (std::uint32_t i = 0; i < 3; ++i) {
    const wire::PastLife life{slot_begin(i == 1 ? 4 : 2) + 64, 32 + i, 0,
                              recorder.stack("old.py", 5),     50 + i, 1500 + i};
    recorder.put(wire::kSectionPastLives, sizeof(wire::PastLives) + i * sizeof life, life);
  }
  recorder.put(wire::kSectionPastLives, 0, std::uint64_t{3});
  const Case c = read(recorder, faulted_at(slot_begin(2) + kPage));
  ASSERT_EQ(c.block->former.size(), 2u);
  EXPECT_EQ(c.block->former[0].size, 34u);
  EXPECT_EQ(c.block->former[1].size, 32u);
  EXPECT_EQ(c.block->former[0].freed->python.at(0).file, "/home/user/old.py");
  EXPECT_FALSE(c.block->former[0].allocated);
}

// --- a forked child ------------------------------------------------------------------------------------------------

class Forked : public testing::Test {
 protected:
  // The child's area has the parent's geometry and no blocks yet.
  Forked() : child_(5, parent_.shared) {
    record_ = parent_.block(2, 64, wire::kBlockLive);
    record_.allocation_stack = parent_.stack("parent.py", 7);
    parent_.put_block(2, record_);
    child_.header.parent = {FakeRecorder::kRecord + 1, FakeRecorder::kGeneration, 5000};
    child_.finish();
  }
  Case read_in_child(Case c) {
    add_history(child_.query(), Naming{}, c);
    return c;
  }
  FakeRecorder parent_, child_;
  wire::BlockRecord record_;
};

TEST_F(Forked, AnInheritedBlockIsFoundInTheParentsArea) {
  const Case c = read_in_child(faulted_at(record_.address + 64));
  ASSERT_TRUE(c.block);
  EXPECT_EQ(c.block->state, "live");
  EXPECT_EQ(c.block->allocated->python.at(0).file, "/home/user/parent.py");
}

TEST_F(Forked, WhatTheParentFreedLaterLivesInTheChild) {
  record_.state = wire::kBlockQuarantined;
  record_.freed_ticks = 6000;
  parent_.put_block(2, record_);
  EXPECT_EQ(read_in_child(faulted_at(record_.address + 64)).block->state, "live");
}

TEST_F(Forked, WhatTheParentAllocatedLaterIsNotTheChilds) {
  record_.allocated_ticks = 6000;
  parent_.put_block(2, record_);
  EXPECT_FALSE(read_in_child(faulted_at(record_.address + 64)).block);
}

// --- findings ------------------------------------------------------------------------------------------------------

wire::Finding late_write(const wire::BlockRecord& block) {
  wire::Finding f{};
  f.complete = 1;
  f.kind = wire::kFindingWriteBehind;
  f.tid = 100;
  f.address = block.address + block.size;
  f.offset = static_cast<std::int64_t>(block.size);
  f.wrong_bytes = 4;
  f.byte_count = 4;
  f.expected[0] = 0xa5;
  f.seen[0] = 0x01;
  f.found_ticks = 9000;
  f.last_good_ticks = 2000;
  f.block = block;
  return f;
}

TEST(Findings, ALateWriteIsBoundedInTime) {
  FakeRecorder recorder;
  auto block = recorder.block(1, 60, wire::kBlockLive);
  block.allocation_stack = recorder.stack("train.py", 12);
  wire::Finding f = late_write(block);
  f.stack = recorder.stack("train.py", 30);
  recorder.finding(0, f);
  const Case c = read(recorder, Case());
  ASSERT_EQ(c.findings.size(), 1u);
  const MemoryFinding& found = c.findings[0];
  EXPECT_EQ(found.kind, kFindingWriteBehind);
  EXPECT_TRUE(found.late);
  EXPECT_EQ(found.offset, 60);
  EXPECT_EQ(found.wrong_bytes, 4u);
  EXPECT_EQ(found.expected, "a5000000");
  EXPECT_EQ(found.seen, "01000000");
  EXPECT_DOUBLE_EQ(*found.found_age_s, 2.0);
  EXPECT_DOUBLE_EQ(*found.last_good_age_s, 9.0);
  EXPECT_EQ(found.found->python.at(0).line, 30);
  // It is what there is to say about the death: its block is the Case's.
  ASSERT_TRUE(c.block);
  EXPECT_EQ(c.block->allocated->python.at(0).line, 12);
}

TEST(Findings, AnIncompleteOrUnknownOneIsLeftOut) {
  FakeRecorder recorder;
  wire::Finding f = late_write(recorder.block(1, 60, wire::kBlockLive));
  f.complete = 0;
  recorder.finding(0, f);
  f.complete = 1;
  f.kind = 99;
  recorder.finding(1, f);
  EXPECT_TRUE(read(recorder, Case()).findings.empty());
}

TEST(Findings, AFaultsOwnBlockComesBeforeAFindings) {
  FakeRecorder recorder;
  recorder.finding(0, late_write(recorder.block(1, 60, wire::kBlockLive)));
  const auto freed = recorder.block(3, 60, wire::kBlockQuarantined);
  const Case c = read(recorder, faulted_at(freed.address));
  EXPECT_EQ(c.block->address, freed.address);
  EXPECT_EQ(c.findings.size(), 1u);
}

TEST(Findings, AnInvalidFreeInsideABlockNamesTheBlock) {
  FakeRecorder recorder;
  const auto block = recorder.block(1, 60, wire::kBlockLive);
  wire::Finding f{};
  f.complete = 1;
  f.kind = wire::kFindingInvalidFree;
  f.address = block.address + 16;
  f.found_ticks = 9000;
  recorder.finding(0, f);
  const Case c = read(recorder, Case());
  ASSERT_TRUE(c.block);
  EXPECT_EQ(c.block->address, block.address);
  EXPECT_EQ(c.findings[0].offset, 16);
  EXPECT_FALSE(c.findings[0].late);
}

TEST(Findings, TheAccessTheProcessWaitsWithComesFirst) {
  FakeRecorder recorder;
  const auto block = recorder.block(1, 60, wire::kBlockLive);
  wire::AccessFinding f{};
  f.complete = 1;
  f.access.flags = wire::kAccessRead | wire::kAccessOutOfBounds;
  f.access.width = 4;
  f.access.ticks = 8000;
  f.block = block;
  for (std::uint32_t i = 0; i < 3; ++i) {
    f.access.offset = 60 + 4 * static_cast<std::int64_t>(i);
    recorder.put(wire::kSectionAccesses, offsetof(wire::AccessTable, findings) + i * sizeof f, f);
  }
  recorder.put(wire::kSectionAccesses, offsetof(wire::AccessTable, finding_count), std::uint32_t{3});
  Query query = recorder.query();
  query.access_finding = 2;
  Case c = faulted_at(0x1234);
  add_history(query, Naming{}, c);
  ASSERT_EQ(c.findings.size(), 3u);
  EXPECT_EQ(c.findings[0].offset, 68);
  EXPECT_EQ(c.findings[0].kind, kFindingOutOfBounds);
  EXPECT_EQ(c.findings[0].access, "read");
  ASSERT_TRUE(c.block);
  EXPECT_EQ(c.block->offset, 68);
  EXPECT_EQ(c.block->place, kPlaceSlack);
}

TEST(Findings, TheAccessLogOfTheBlockLatestFirst) {
  FakeRecorder recorder;
  wire::WatchedBlock watched{};
  watched.block = recorder.block(1, 60, wire::kBlockLive);
  watched.log[0] = {0x400000, 7000, 0, 4, 100, recorder.stack("a.py", 3), wire::kAccessRead, 0};
  watched.log[1] = {0x400010, 7500, 60, 4, 101, 0, wire::kAccessWrite | wire::kAccessOutOfBounds, 0};
  recorder.put(wire::kSectionAccesses, sizeof(wire::AccessTable), watched);
  recorder.put(wire::kSectionAccesses, offsetof(wire::AccessTable, block_count), std::uint32_t{1});
  const Case c = read(recorder, faulted_at(slot_begin(1) + kPage));
  ASSERT_EQ(c.accesses.size(), 2u);
  EXPECT_EQ(c.accesses[0].access, "write");
  EXPECT_TRUE(c.accesses[0].wrong);
  EXPECT_EQ(c.accesses[1].by.python.at(0).line, 3);
}

wire::Finding call_finding(const wire::BlockRecord& block, std::uint32_t kind) {
  wire::Finding f{};
  f.complete = 1;
  f.kind = kind;
  f.tid = 100;
  f.address = block.address + block.size;
  f.offset = static_cast<std::int64_t>(block.size);
  f.wrong_bytes = 8;
  f.found_ticks = 9000;
  f.pc = 0x7f0000001230;
  f.repeats = 2;
  f.block = block;
  return f;
}

TEST(Findings, ASystemCallPastABlockIsAnAccess) {
  FakeRecorder recorder;
  recorder.finding(0, call_finding(recorder.block(1, 60, wire::kBlockLive), wire::kFindingCallRead));
  const Case c = read(recorder, Case());
  ASSERT_EQ(c.findings.size(), 1u);
  EXPECT_EQ(c.findings[0].kind, kFindingOutOfBounds);
  EXPECT_EQ(c.findings[0].access, "read");
  EXPECT_EQ(c.findings[0].repeats, 2u);
  EXPECT_FALSE(c.findings[0].late);
}

// As it was then: the slot may have been freed, or taken again, since.
TEST(Findings, ASystemCallOnABlockThatWasFreedLaterIsOutOfBounds) {
  FakeRecorder recorder;
  const auto block = recorder.block(1, 60, wire::kBlockQuarantined);
  auto earlier = block;
  earlier.state = wire::kBlockLive;
  recorder.finding(0, call_finding(earlier, wire::kFindingCallWrite));
  recorder.finding(1, call_finding(block, wire::kFindingCallWrite));
  const Case c = read(recorder, Case());
  ASSERT_EQ(c.findings.size(), 2u);
  EXPECT_EQ(c.findings[0].kind, kFindingOutOfBounds);
  EXPECT_EQ(c.findings[0].access, "write");
  EXPECT_EQ(c.findings[0].block->state, "live");
  EXPECT_EQ(c.findings[1].kind, kFindingAfterFree);
}

TEST(Findings, AReadOfWhatWasNeverWrittenComesBehindWrongAccesses) {
  FakeRecorder recorder;
  wire::AccessFinding f{};
  f.complete = 1;
  f.access.width = 4;
  f.access.ticks = 8000;
  f.block = recorder.block(1, 60, wire::kBlockLive);
  f.access.flags = wire::kAccessRead | wire::kAccessUnwritten;
  recorder.put(wire::kSectionAccesses, offsetof(wire::AccessTable, findings), f);
  f.access.flags = wire::kAccessRead | wire::kAccessOutOfBounds;
  f.access.offset = 60;
  recorder.put(wire::kSectionAccesses, offsetof(wire::AccessTable, findings) + sizeof f, f);
  recorder.put(wire::kSectionAccesses, offsetof(wire::AccessTable, finding_count), std::uint32_t{2});
  const Case c = read(recorder, Case());
  ASSERT_EQ(c.findings.size(), 2u);
  EXPECT_EQ(c.findings[0].kind, kFindingOutOfBounds);
  EXPECT_EQ(c.findings[1].kind, kFindingUnwritten);
}

// --- protection, tensors, damage -----------------------------------------------------------------------------------

TEST(History, SaysWhatWasProtected) {
  FakeRecorder recorder;
  recorder.header.protected_blocks = 1000;
  recorder.header.unprotected_blocks[wire::kUnprotectedBudget] = 7;
  recorder.header.recycled_slots = 2;
  recorder.header.horizon_ticks = 6000;
  recorder.finish();
  const Case c = read(recorder, Case());
  ASSERT_TRUE(c.protection);
  EXPECT_EQ(c.protection->mode, "tensors");
  EXPECT_EQ(c.protection->tactic, "userfaultfd moves");
  EXPECT_EQ(c.protection->blocks, 1000u);
  EXPECT_EQ(c.protection->unprotected.at("budget"), 7u);
  EXPECT_DOUBLE_EQ(*c.protection->horizon_s, 5.0);
  EXPECT_EQ(c.protection->exact, "");
}

TEST(History, NamesTheTensorAndTheElement) {
  FakeRecorder recorder;
  const auto record = recorder.block(1, 24, wire::kBlockLive);
  Case c = faulted_at(record.address + 28);
  computed_from(c, record.address, 7);
  c.framework.emplace();
  c.framework->op = "Gather";
  TensorInfo tensor;
  tensor.name = "input 0";
  tensor.dtype = "float32";
  tensor.shape = {2, 3};
  tensor.bytes = 24;
  tensor.buffer = record.address;
  c.framework->inputs.push_back(tensor);
  c = read(recorder, c);
  EXPECT_EQ(c.block->kind, "tensor");
  EXPECT_THAT(c.block->notes,
              ElementsAre("It holds input 0 of Gather (float32 [2, 3]); the access is to element 7 of 6."));
}

TEST(History, DamageIsNeverBelieved) {
  for (const std::uint64_t bad : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}, std::uint64_t{1} << 40}) {
    FakeRecorder recorder;
    recorder.block(1, 64, wire::kBlockLive);
    recorder.put(wire::kSectionBlocks, 0, bad);
    for (std::uint64_t field = 0; field < 4; ++field)
      recorder.put(wire::kSectionBlocks, offsetof(wire::BlockTable, regions) + sizeof(wire::Region) + 8 * field, bad);
    recorder.put(wire::kSectionPastLives, 0, bad);
    recorder.put(wire::kSectionPastLives, 8, bad);
    recorder.put(wire::kSectionFindings, 0, bad);
    recorder.put(wire::kSectionAccesses, offsetof(wire::AccessTable, block_count), bad);
    (void)read(recorder, faulted_at(slot_begin(1) + kPage));
    for (auto& section : recorder.header.sections) section.offset = bad;
    recorder.finish();
    EXPECT_FALSE(read(recorder, faulted_at(slot_begin(1) + kPage)).block);
  }
}

TEST(Stacks, DamagedRecordsGiveNothing) {
  FakeRecorder recorder;
  auto record = recorder.block(1, 64, wire::kBlockQuarantined);
  const std::uint32_t good = recorder.stack("train.py", 3, {0x401000, 0x402000});
  for (const std::uint32_t id : {std::uint32_t{1}, good + 1, wire::kStackWords - 1, wire::kStackWords, ~0U}) {
    record.free_stack = id;
    recorder.put_block(1, record);
    const Case c = read(recorder, faulted_at(record.address));
    ASSERT_TRUE(c.block && c.block->freed) << id;
    EXPECT_TRUE(c.block->freed->native.empty());
  }
  record.free_stack = good;
  recorder.put_block(1, record);
  EXPECT_EQ(read(recorder, faulted_at(record.address)).block->freed->python.size(), 1u);
}

}  // namespace
}  // namespace segwhy::history
