#include "frameworks/tensorflow/written_frames.h"

#include <gtest/gtest.h>

#include "frameworks/tensorflow/fake_node_table.h"

namespace segwhy::tensorflow {
namespace {

constexpr char kGenerated[] = "/tmp/__autograph_generated_filex1.py";

PythonFrame frame(const char* file, const char* function, std::optional<int> line) {
  PythonFrame out;
  out.file = file;
  out.function = function;
  out.line = line;
  out.column = 4;
  out.source = "as it was";
  out.origin = "user";
  return out;
}

std::vector<Thread> restored(FakeNodeTable& fake, PythonFrame frame) {
  std::vector<Thread> threads(1);
  threads[0].python.push_back(std::move(frame));
  restore_written_frames(fake.snapshot, threads);
  return threads;
}

TEST(WrittenFrames, GivesTheLineThatTheProgramHas) {
  FakeNodeTable fake;
  fake.mapped(kGenerated, 11, "/home/u/main.py", 5, "f");
  const PythonFrame got = restored(fake, frame(kGenerated, "tf__f", 11))[0].python[0];
  EXPECT_EQ(got.file, "/home/u/main.py");
  EXPECT_EQ(got.function, "f");
  EXPECT_EQ(got.line, 5);
  EXPECT_EQ(got.origin, "user");
  EXPECT_FALSE(got.column);
  EXPECT_EQ(got.source, "");
}

TEST(WrittenFrames, KnowsAPackagesCodeForWhatItIs) {
  FakeNodeTable fake;
  fake.mapped(kGenerated, 11, "/v/lib/python3.8/site-packages/keras/layers.py", 5, "call");
  EXPECT_EQ(restored(fake, frame(kGenerated, "tf__call", 11))[0].python[0].origin, "package");
}

TEST(WrittenFrames, LeavesALineWithoutAMapAlone) {
  FakeNodeTable fake;
  fake.mapped(kGenerated, 11, "/home/u/main.py", 5, "f");
  EXPECT_EQ(restored(fake, frame(kGenerated, "tf__f", 12))[0].python[0].file, kGenerated);
  EXPECT_EQ(restored(fake, frame(kGenerated, "tf__f", std::nullopt))[0].python[0].file, kGenerated);
}

TEST(WrittenFrames, LeavesTheProgramsOwnFramesAlone) {
  FakeNodeTable fake;
  fake.mapped(kGenerated, 11, "/home/u/main.py", 5, "f");
  const PythonFrame got = restored(fake, frame("/home/u/other.py", "g", 11))[0].python[0];
  EXPECT_EQ(got.file, "/home/u/other.py");
  EXPECT_EQ(got.source, "as it was");
  EXPECT_EQ(got.column, 4);
}

TEST(WrittenFrames, NeedsTheTable) {
  std::vector<Thread> threads(1);
  threads[0].python.push_back(frame(kGenerated, "tf__f", 11));
  FakeNodeTable fake;
  fake.table().magic = 0;
  restore_written_frames(fake.snapshot, threads);
  EXPECT_EQ(threads[0].python[0].file, kGenerated);
}

}  // namespace
}  // namespace segwhy::tensorflow
