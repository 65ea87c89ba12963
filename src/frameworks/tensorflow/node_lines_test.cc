#include "frameworks/tensorflow/node_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "frameworks/tensorflow/created_at.h"
#include "frameworks/tensorflow/fake_node_table.h"

namespace segwhy::tensorflow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::uint64_t kThread = 0x7f0000001740;
constexpr char kOp[] = "MatMul";

NodeOrigin origin_of(FakeNodeTable& fake, std::string_view name, std::string_view op = kOp,
                     std::optional<std::uint64_t> thread = {}) {
  const auto table = NodeTable::find(fake.snapshot);
  if (!table) return {};
  return find_origin(*table, {name, op, thread});
}

CodeLine line(int number, const char* function = "f", const char* file = "main.py") {
  return {file, function, number};
}

TEST(NodeLines, GivesTheLineOfANode) {
  FakeNodeTable fake;
  const auto code = fake.code("main.py", "f", 10);
  fake.node(1, "x", "AddV2", code, 1);
  fake.node(1, "MatMul", kOp, code, 3);
  const NodeOrigin origin = origin_of(fake, "MatMul");
  EXPECT_TRUE(origin.complete);
  EXPECT_THAT(origin.lines, ElementsAre(line(13)));
}

TEST(NodeLines, KnowsNothingOfANodeOfAnotherNameOrOp) {
  FakeNodeTable fake;
  fake.node(1, "MatMul", kOp, fake.code("main.py", "f", 10));
  EXPECT_THAT(origin_of(fake, "MatMul_1").lines, IsEmpty());
  EXPECT_THAT(origin_of(fake, "scope/MatMul").lines, IsEmpty());
  EXPECT_THAT(origin_of(fake, "MatMul", "Conv2D").lines, IsEmpty());
}

TEST(NodeLines, TakesAnOpOfTheRuntimesOwnForTheOneItReplaces) {
  FakeNodeTable fake;
  fake.node(1, "MatMul", kOp, fake.code("main.py", "f", 10));
  EXPECT_THAT(origin_of(fake, "MatMul", "_FusedMatMul").lines, ElementsAre(line(10)));
}

TEST(NodeLines, GivesEveryLineThatCanBeMeant) {
  FakeNodeTable fake;
  const auto code = fake.code("main.py", "f", 10);
  fake.node(1, "MatMul", kOp, code, 0);
  fake.node(2, "MatMul", kOp, code, 5);
  fake.node(3, "MatMul", kOp, code, 5);  // traced again
  const NodeOrigin origin = origin_of(fake, "MatMul");
  EXPECT_TRUE(origin.complete);
  EXPECT_THAT(origin.lines, UnorderedElementsAre(line(10), line(15)));
}

TEST(NodeLines, IsIncompleteWhenANodeThatCanBeMeantHasNoLine) {
  FakeNodeTable fake;
  fake.node(1, "MatMul", kOp, fake.code("main.py", "f", 10));
  fake.node(2, "MatMul", kOp, 0);  // of a loaded model
  EXPECT_FALSE(origin_of(fake, "MatMul").complete);
}

TEST(NodeLines, LooksOnlyInTheGraphThatRuns) {
  FakeNodeTable fake;
  const auto code = fake.code("main.py", "f", 10);
  fake.node(1, "MatMul", kOp, code, 0);
  fake.node(2, "MatMul", kOp, code, 5);
  fake.running(kThread, 2);
  EXPECT_THAT(origin_of(fake, "MatMul").lines, ElementsAre(line(15)));
}

TEST(NodeLines, LooksInAllGraphsThatCanRunBesideIt) {
  FakeNodeTable fake;
  const auto code = fake.code("main.py", "f", 10);
  fake.node(1, "MatMul", kOp, code, 0);
  fake.node(2, "MatMul", kOp, code, 5);
  fake.node(3, "MatMul", kOp, code, 7);
  fake.node(4, "MatMul", kOp, code, 9);
  fake.running(kThread, 2);
  fake.running(kThread + 0x1000, 3);
  fake.function("__inference_Dataset_map_g_4", 4);
  EXPECT_THAT(origin_of(fake, "MatMul").lines, UnorderedElementsAre(line(15), line(17), line(19)));
  fake.node(5, "Relu", "Relu", code, 1);
  fake.call(2, "PartitionedCall", "");  // of what is not known
  EXPECT_THAT(origin_of(fake, "MatMul").lines, UnorderedElementsAre(line(10), line(15), line(17), line(19)));
}

TEST(NodeLines, LooksInTheGraphOfTheThreadThatRunsPythonItself) {
  FakeNodeTable fake;
  const auto code = fake.code("main.py", "f", 10);
  fake.node(2, "MatMul", kOp, code, 5);
  fake.node(3, "MatMul", kOp, code, 7);
  fake.running(kThread, 2);
  fake.running(kThread + 0x1000, 3);
  EXPECT_THAT(origin_of(fake, "MatMul", kOp, kThread).lines, ElementsAre(line(15)));
}

TEST(NodeLines, FollowsCallsThatWereInlined) {
  FakeNodeTable fake;
  const auto code = fake.code("main.py", "f", 10);
  fake.node(1, "MatMul", kOp, code, 0);
  fake.node(2, "PartitionedCall", "PartitionedCall", code, 1);
  fake.node(3, "MatMul", kOp, code, 5);
  fake.call(2, "PartitionedCall", "__inference_g_7");
  fake.call(3, "while", "while_body_9");
  fake.node(4, "while/MatMul", kOp, code, 8);
  fake.function("__inference_f_3", 1);
  fake.function("__inference_g_7", 3);
  fake.function("while_body_9", 4);
  EXPECT_THAT(origin_of(fake, "PartitionedCall/MatMul").lines, ElementsAre(line(15)));
  EXPECT_THAT(origin_of(fake, "PartitionedCall/while/body/_12/while/MatMul").lines, ElementsAre(line(18)));
  EXPECT_THAT(origin_of(fake, "while/body/_1/while/MatMul").lines, ElementsAre(line(18)));
  EXPECT_THAT(origin_of(fake, "PartitionedCall/body/_x/MatMul").lines, IsEmpty());
  EXPECT_THAT(origin_of(fake, "OtherCall/MatMul").lines, IsEmpty());
}

TEST(NodeLines, EndsInGraphsThatCallThemselves) {
  FakeNodeTable fake;
  fake.node(1, "c", "PartitionedCall", 0);
  fake.call(1, "c", "__inference_f_3");
  fake.function("__inference_f_3", 1);
  std::string name;
  for (int i = 0; i < 500; ++i) name += "c/";
  EXPECT_THAT(origin_of(fake, name + "MatMul").lines, IsEmpty());
}

TEST(NodeLines, MapsGeneratedCodeBack) {
  FakeNodeTable fake;
  const char* const generated = "/tmp/__autograph_generated_file0a1b.py";
  const auto code = fake.code(generated, "tf__f", 10);
  fake.node(1, "a", kOp, code, 4);
  fake.node(1, "b", kOp, code, 5);
  fake.mapped(generated, 14, "main.py", 7, "f");
  EXPECT_THAT(origin_of(fake, "a").lines, ElementsAre(line(7)));
  EXPECT_FALSE(origin_of(fake, "b").complete) << "a line that AutoGraph does not map is not the program's";
}

TEST(NodeLines, NamesTheFunctionThatHoldsTheNode) {
  FakeNodeTable fake;
  const auto code = fake.code("main.py", "f", 10);
  fake.function("__inference_f_7", 1);
  fake.function("__inference_g_9", 2);
  fake.node(1, "a", kOp, code);
  fake.node(1, "b", kOp, code);
  fake.node(2, "b", kOp, code);
  fake.node(3, "c", kOp, code);
  EXPECT_EQ(origin_of(fake, "a").function, "__inference_f_7");
  EXPECT_EQ(origin_of(fake, "b").function, "") << "two can be meant";
  EXPECT_EQ(origin_of(fake, "c").function, "") << "in no function";
}

TEST(NodeLines, SaysWhichNodeAGradientIsOf) {
  FakeNodeTable fake;
  const auto code = fake.code("main.py", "f", 10);
  fake.node(1, "layer/MatMul", kOp, code, 2);
  fake.node(1, "gradient_tape/MatMul", kOp, code, 6, "layer/MatMul");
  const NodeOrigin origin = origin_of(fake, "gradient_tape/MatMul");
  EXPECT_THAT(origin.lines, ElementsAre(line(16)));
  EXPECT_EQ(origin.forward, "layer/MatMul");
  EXPECT_EQ(origin.forward_line, line(12));
}

// --- what becomes of it -------------------------------------------------------------------------------------------

Framework kernel(const std::string& node) {
  Framework framework;
  framework.op = kOp;
  framework.node = node;
  framework.phase = "graph";
  framework.found_by = "kernel-object";
  return framework;
}

TEST(CreatedAt, IsTheOneLineOfTheProgram) {
  FakeNodeTable fake;
  fake.node(1, "MatMul", kOp, fake.code("main.py", "f", 10), 2);
  Framework framework = kernel("MatMul");
  add_created_at(fake.snapshot, Thread(), framework);
  ASSERT_TRUE(framework.created_at);
  EXPECT_EQ(framework.created_at->file, "main.py");
  EXPECT_EQ(framework.created_at->line, 12);
  EXPECT_EQ(framework.created_at->function, "f");
}

TEST(CreatedAt, IsNotGivenWhereLinesDiffer) {
  FakeNodeTable fake;
  const auto code = fake.code("main.py", "f", 10);
  fake.node(1, "MatMul", kOp, code, 0);
  fake.node(2, "MatMul", kOp, code, 5);
  Framework framework = kernel("MatMul");
  add_created_at(fake.snapshot, Thread(), framework);
  EXPECT_FALSE(framework.created_at);
  EXPECT_THAT(framework.notes, ElementsAre(HasSubstr("2 lines: main.py:10, main.py:15")));
}

TEST(CreatedAt, IsNotGivenForCodeOfAPackageNorForEagerOps) {
  FakeNodeTable fake;
  fake.node(1, "MatMul", kOp, fake.code("/v/lib/python3.8/site-packages/keras/layers.py", "call", 10), 2);
  fake.node(1, "Mine", kOp, fake.code("main.py", "f", 10), 2);
  Framework package = kernel("MatMul");
  add_created_at(fake.snapshot, Thread(), package);
  EXPECT_FALSE(package.created_at);
  Framework eager = kernel("Mine");
  eager.phase = "eager";
  add_created_at(fake.snapshot, Thread(), eager);
  EXPECT_FALSE(eager.created_at);
  Framework guess = kernel("Mine");
  guess.found_by = "python-frame";
  add_created_at(fake.snapshot, Thread(), guess);
  EXPECT_FALSE(guess.created_at);
}

// --- garbage ------------------------------------------------------------------------------------------------------

TEST(NodeTable, IsNotFoundWithoutItsAnchor) {
  FakeNodeTable fake;
  EXPECT_TRUE(NodeTable::find(fake.snapshot));
  fake.runtime_data()[FakeNodeTable::kAnchorAt + 8] ^= std::byte{1};
  EXPECT_FALSE(NodeTable::find(fake.snapshot));
}

TEST(NodeTable, IsNoneWhenItsHeaderMakesNoSense) {
  const auto refused = [](void (*damage)(wire::NodeTable&)) {
    FakeNodeTable fake;
    damage(fake.table());
    return !NodeTable::find(fake.snapshot);
  };
  EXPECT_TRUE(refused([](wire::NodeTable& t) { t.magic = 1; }));
  EXPECT_TRUE(refused([](wire::NodeTable& t) { ++t.version; }));
  EXPECT_TRUE(refused([](wire::NodeTable& t) { t.nodes = wire::kMaxNodes + 1; }));
  EXPECT_TRUE(refused([](wire::NodeTable& t) { t.functions = ~0U; }));
  EXPECT_TRUE(refused([](wire::NodeTable& t) { t.calls = ~0U; }));
  EXPECT_TRUE(refused([](wire::NodeTable& t) { t.mapped = ~0U; }));
  EXPECT_TRUE(refused([](wire::NodeTable& t) { t.text_used = ~0ULL; }));
}

TEST(NodeTable, IsReadToTheEndWhateverIsWrittenOverIt) {
  std::mt19937_64 random(7);
  FakeNodeTable fake;
  const auto code = fake.code("main.py", "f", 10);
  for (std::uint32_t graph = 1; graph < 6; ++graph) {
    const std::string number = std::to_string(graph);
    fake.node(graph, "MatMul", kOp, code, static_cast<int>(graph));
    fake.call(graph, "call" + number, "f" + number);
    fake.function("f" + number, graph + 1);
    fake.mapped("main.py", graph, "other.py", graph, "f");
  }
  wire::NodeTable& table = fake.table();
  const std::span<std::byte> targets[] = {std::as_writable_bytes(std::span(table.node_records, 5)),
                                          std::as_writable_bytes(std::span(table.call_records, 5)),
                                          std::as_writable_bytes(std::span(table.function_records, 5)),
                                          std::as_writable_bytes(std::span(table.mapped_lines, 5)),
                                          std::as_writable_bytes(std::span(table.texts, table.text_used)),
                                          std::as_writable_bytes(std::span(table.codes.words, table.codes.used)),
                                          std::as_writable_bytes(std::span(table.running))};
  for (int round = 0; round < 2000; ++round) {
    const std::span<std::byte> target = targets[random() % std::size(targets)];
    target[random() % target.size()] = static_cast<std::byte>(random());
    const NodeOrigin origin = origin_of(fake, "call1/call2/MatMul");
    for (const CodeLine& found : origin.lines) EXPECT_FALSE(found.file.empty());
  }
}

}  // namespace
}  // namespace segwhy::tensorflow
