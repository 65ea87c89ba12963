#include "assemble/block_tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace segwhy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kBlock = 0x7f0000001000;

// A block of 64 bytes with a float32 [2, 3] from its byte 16 on.
Case gather(std::int64_t fault_offset) {
  Case c;
  c.block.emplace();
  c.block->address = kBlock, c.block->size = 64, c.block->offset = fault_offset;
  c.framework.emplace();
  c.framework->op = "Gather", c.framework->confidence = "certain";
  TensorInfo input;
  input.name = "input 0", input.dtype = "float32";
  input.shape = {2, 3}, input.buffer = kBlock + 16, input.bytes = 24;
  c.framework->inputs.push_back(input);
  return c;
}

std::vector<std::string> notes_of(Case c) {
  describe_block_as_tensor(c);
  return c.block ? c.block->notes : std::vector<std::string>{};
}

TEST(BlockTensor, GivesTheElementInAllDimensions) {
  EXPECT_THAT(
      notes_of(gather(16 + 5 * 4 + 1)),
      ElementsAre("The buffer of input 0 of Gather (float32 [2, 3]) lies in it; the address is its element [1, 2]."));
}

TEST(BlockTensor, NamesAnOutput) {
  Case c = gather(16 + 5 * 4);
  std::swap(c.framework->inputs, c.framework->outputs);
  c.framework->outputs[0].name = "output 0";
  EXPECT_THAT(
      notes_of(c),
      ElementsAre("The buffer of output 0 of Gather (float32 [2, 3]) lies in it; the address is its element [1, 2]."));
}

TEST(BlockTensor, CountsPastTheEnd) {
  EXPECT_THAT(
      notes_of(gather(16 + 40)),
      ElementsAre("The buffer of input 0 of Gather (float32 [2, 3]) lies in it; the address is where element 10 "
                  "would be, counted from 0, and it has 6."));
}

TEST(BlockTensor, CountsBytesBeforeTheStart) {
  EXPECT_THAT(notes_of(gather(8)), ElementsAre("The buffer of input 0 of Gather (float32 [2, 3]) lies in it; the "
                                               "address is 8 bytes before its first element."));
}

TEST(BlockTensor, NamesTheElementOfAScalar) {
  Case c = gather(17);
  c.framework->inputs[0].shape = std::vector<std::int64_t>{};
  c.framework->inputs[0].bytes = 4;
  EXPECT_THAT(notes_of(c),
              ElementsAre("The buffer of input 0 of Gather (float32 []) lies in it; the address is its one "
                          "element."));
}

TEST(BlockTensor, SaysNothingOfABufferElsewhere) {
  Case elsewhere = gather(16);
  elsewhere.framework->inputs[0].buffer = kBlock + 64;
  EXPECT_THAT(notes_of(elsewhere), IsEmpty());
  Case in_front = gather(16);
  in_front.framework->inputs[0].buffer = kBlock - 8;
  EXPECT_THAT(notes_of(in_front), IsEmpty());
  Case larger = gather(16);  // a tensor that the block cannot hold was not read right
  larger.framework->inputs[0].bytes = 49;
  EXPECT_THAT(notes_of(larger), IsEmpty());
}

TEST(BlockTensor, SaysNothingWithoutAnOpThatIsKnown) {
  Case guessed = gather(16);
  guessed.framework->confidence = "possible";
  EXPECT_THAT(notes_of(guessed), IsEmpty());
  Case none = gather(16);
  none.framework.reset();
  EXPECT_THAT(notes_of(none), IsEmpty());
  Case no_block = gather(16);
  no_block.block.reset();
  EXPECT_THAT(notes_of(no_block), IsEmpty());
}

TEST(BlockTensor, GivesNoElementWhereTheShapeDoesNotFitTheBytes) {
  for (const std::vector<std::int64_t>& shape :
       {std::vector<std::int64_t>{5}, {0, 3}, {-1}, {std::numeric_limits<std::int64_t>::max(), 4}}) {
    Case c = gather(20);
    c.framework->inputs[0].shape = shape;
    ASSERT_EQ(notes_of(c).size(), 1U);
    EXPECT_THAT(notes_of(c)[0], testing::EndsWith("lies in it."));
  }
}

}  // namespace
}  // namespace segwhy
