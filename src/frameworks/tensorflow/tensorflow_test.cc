#include "frameworks/tensorflow/tensorflow.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "frameworks/fake_frames.h"
#include "frameworks/framework.h"
#include "frameworks/tensorflow/fake_tensorflow.h"

namespace segwhy::tensorflow {
namespace {

constexpr std::uint32_t kFloat = 1, kInt32 = 3;

class TensorFlowTest : public testing::TestWithParam<const char*> {
 protected:
  FrameworkReading read() { return read_framework(fake.snapshot, fake.threads, {fake.module}); }

  // A call of `op` on two tensors, its Params at `params`.
  void put_call(std::uint64_t params, const FakeTensorFlow::KernelClass& of, const std::string& op) {
    const std::uint64_t kernel = fake.make_kernel(of, op, op + "_7", {kFloat, kInt32});
    const std::uint64_t data = fake.make_tensor(kFloat, {2, 3}, {0, 0, 0, 0, 0, 0});
    fake.put_params(params, kernel, {data, fake.make_tensor(kInt32, {3}, {7, -3, 11})});
  }

  FakeTensorFlow fake{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Versions, TensorFlowTest,
                         testing::Values("2.4.1", "2.5.3", "2.6.5", "2.7.4", "2.8.0", "2.9.3", "2.10.1", "2.11.1",
                                         "2.12.1", "2.13.1", "2.14.1", "2.15.1", "2.16.2", "2.17.1", "2.18.1", "2.19.1",
                                         "2.20.0", "2.21.0"),
                         [](const auto& version) {
                           std::string name = version.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return "v" + name;
                         });

TEST_P(TensorFlowTest, NamesTheKernelThatTheFramesRun) {
  const std::size_t main = fake.add_thread(100, true);
  const auto gather = fake.make_kernel_class("N10tensorflow8GatherOpIfE");
  put_call(fake.sp(main) + 0x400, gather, "Gather");
  fake.add_frame(main, gather.compute, "tensorflow::GatherOp<float>::Compute(tensorflow::OpKernelContext*)");
  fake.add_runtime_frames(main);

  const auto reading = read();
  ASSERT_TRUE(reading.framework);
  const Framework& f = *reading.framework;
  EXPECT_EQ(f.name, "tensorflow");
  EXPECT_EQ(f.version, GetParam());
  EXPECT_EQ(f.op, "Gather");
  EXPECT_EQ(f.node, "Gather_7");
  EXPECT_EQ(f.found_by, "kernel-object");
  EXPECT_EQ(f.confidence, "certain");
  EXPECT_EQ(f.phase, "eager");
  ASSERT_EQ(f.inputs.size(), 2U);
  EXPECT_EQ(f.inputs[0].dtype, "float32");
  EXPECT_EQ(f.inputs[0].shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(f.inputs[0].bytes, 24U);
  EXPECT_EQ(f.inputs[1].dtype, "int32");
  EXPECT_EQ(f.inputs[1].preview, "[7, -3, 11]");
  EXPECT_FALSE(reading.works_for_tid);
}

TEST_P(TensorFlowTest, PassesOverWhatAnEarlierCallLeft) {
  const std::size_t main = fake.add_thread(100, true);
  const auto cast = fake.make_kernel_class("N10tensorflow6CastOpE");
  const auto gather = fake.make_kernel_class("N10tensorflow8GatherOpIfE");
  put_call(fake.sp(main) + 0x10, cast, "Cast");
  put_call(fake.sp(main) + 0x400, gather, "Gather");
  fake.add_frame(main, gather.compute, "tensorflow::GatherOp<float>::Compute(tensorflow::OpKernelContext*)");
  fake.add_runtime_frames(main);
  EXPECT_EQ(read().framework->op, "Gather");
}

TEST_P(TensorFlowTest, ReadsWhatTheKernelHasMadeAndWasBuiltWith) {
  const std::size_t main = fake.add_thread(100, true);
  const auto pool = fake.make_kernel_class("N10tensorflow6PoolOpE");
  const std::uint64_t kernel = fake.make_kernel(pool, "Pool", "Pool_7", {kFloat}, {kFloat, kInt32, kInt32});
  const std::uint64_t props = fake.word(kernel + fake.layout().kernel_props);
  fake.put_attributes(props, {{"ksize", {1, 0, 2, 1}}, {"group", {-3}}, {"_private", {5}}});
  const std::uint64_t params = fake.sp(main) + 0x400;
  fake.put_params(params, kernel, {fake.make_tensor(kFloat, {2}, {0, 0})});
  const auto made = {fake.make_tensor(kFloat, {4, 5}, {0}), std::uint64_t{0}, fake.make_tensor(kInt32, {7}, {0})};
  fake.memory.put_word(fake.sp(main) + 0x80, fake.make_context(params, made));
  fake.add_frame(main, pool.compute, "tensorflow::PoolOp::Compute(tensorflow::OpKernelContext*)");
  fake.add_runtime_frames(main);

  const Framework f = *read().framework;
  ASSERT_EQ(f.outputs.size(), 2U);
  EXPECT_EQ(f.outputs[0].name, "output 0");
  EXPECT_EQ(f.outputs[0].dtype, "float32");
  EXPECT_EQ(f.outputs[0].shape, (std::vector<std::int64_t>{4, 5}));
  EXPECT_EQ(f.outputs[0].bytes, 80U);
  EXPECT_EQ(f.outputs[1].name, "output 2");
  EXPECT_EQ(f.attributes, (std::map<std::string, std::string>{{"ksize", "[1, 0, 2, 1]"}, {"group", "-3"}}));
}

// The context of another call, or one whose outputs are not what the node declares.
TEST_P(TensorFlowTest, ReadsNoOutputsOfAnotherCall) {
  const std::size_t main = fake.add_thread(100, true);
  const auto pool = fake.make_kernel_class("N10tensorflow6PoolOpE");
  const std::uint64_t kernel = fake.make_kernel(pool, "Pool", "Pool_7", {kFloat}, {kFloat});
  const std::uint64_t params = fake.sp(main) + 0x400;
  fake.put_params(params, kernel, {fake.make_tensor(kFloat, {2}, {0, 0})});
  const std::uint64_t right = fake.make_tensor(kFloat, {4, 5}, {0}), wrong = fake.make_tensor(kInt32, {4, 5}, {0});
  const std::uint64_t contexts[] = {fake.make_context(params + 8, {right}), fake.make_context(params, {wrong}),
                                    fake.make_context(params, {right, right})};
  for (std::size_t i = 0; i < 3; ++i) fake.memory.put_word(fake.sp(main) + 0x80 + 8 * i, contexts[i]);
  fake.add_frame(main, pool.compute, "tensorflow::PoolOp::Compute(tensorflow::OpKernelContext*)");
  fake.add_runtime_frames(main);
  EXPECT_EQ(read().framework->op, "Pool");
  EXPECT_TRUE(read().framework->outputs.empty());
}

TEST_P(TensorFlowTest, FindsParamsOnTheHeap) {
  const std::size_t worker = fake.add_thread(101, true);
  const auto op = fake.make_kernel_class("N10tensorflow7AsyncOpE");
  const std::uint64_t params = fake.heap(fake.layout().params_size);
  put_call(params, op, "Async");
  fake.memory.put_word(fake.sp(worker) + 64, fake.make_context(params));
  fake.add_frame(worker, FakeTensorFlow::kCode + 0xe000,
                 "tensorflow::AsyncOp::ComputeAsync(tensorflow::OpKernelContext*)::{lambda()#1}::operator()() const");
  fake.add_runtime_frames(worker);
  const auto reading = read();
  EXPECT_EQ(reading.framework->op, "Async");
  EXPECT_EQ(reading.framework->confidence, "certain");
}

TEST_P(TensorFlowTest, APoolThreadRunsItsSubmittersKernel) {
  const std::size_t worker = fake.add_thread(101, true);
  const std::size_t main = fake.add_thread(100, false);
  const auto op = fake.make_kernel_class("N10tensorflow9ShardedOpE");
  const std::string compute = "tensorflow::ShardedOp::Compute(tensorflow::OpKernelContext*)";
  put_call(fake.sp(main) + 0x400, op, "Sharded");
  fake.add_frame(main, op.compute, compute);
  fake.add_runtime_frames(main);
  fake.threads[main].python.push_back(python_frame("/home/u/train.py", "<module>", "user"));
  // What an unrelated op left on the worker's stack must not be taken.
  put_call(fake.sp(worker) + 0x800, fake.make_kernel_class("N10tensorflow6CastOpE"), "Cast");
  fake.memory.put_word(fake.sp(worker) + 16, fake.sp(main) + 0x100);
  fake.add_frame(worker, FakeTensorFlow::kCode + 0xe000,
                 compute + "::{lambda(long, long)#1}::operator()(long, long) const");
  fake.add_runtime_frames(worker);

  const auto reading = read();
  EXPECT_EQ(reading.framework->op, "Sharded");
  EXPECT_EQ(reading.framework->confidence, "certain");
  EXPECT_EQ(reading.works_for_tid, 100);
  EXPECT_FALSE(reading.works_for_reason.empty());
}

TEST_P(TensorFlowTest, AShapeFunctionsNodeIsFound) {
  const std::size_t main = fake.add_thread(100, true);
  const std::uint64_t props = fake.make_node_properties("Requantize", "q/Requantize", {kFloat});
  fake.memory.put_word(fake.sp(main) + 32, props + fake.layout().props_node_def);
  fake.add_frame(main, FakeTensorFlow::kCode + 0xe000,
                 "tensorflow::shape_inference::InferenceContext::WithRank(tensorflow::shape_inference::ShapeHandle)");
  fake.add_runtime_frames(main);
  const auto reading = read();
  EXPECT_EQ(reading.framework->op, "Requantize");
  EXPECT_EQ(reading.framework->node, "q/Requantize");
  EXPECT_EQ(reading.framework->phase, "shape-inference");
  EXPECT_EQ(reading.framework->found_by, "node-def");
}

TEST_P(TensorFlowTest, AGeneratedWrapperNamesTheOp) {
  const std::size_t main = fake.add_thread(100, true);
  fake.threads[main].python = {
      python_frame("/venv/lib/python3.8/site-packages/tensorflow/python/framework/constant_op.py", "constant",
                   "package"),
      python_frame("/venv/lib/python3.8/site-packages/tensorflow/python/ops/gen_array_ops.py", "gather_v2", "package",
                   {"Doc.", "Tparams", "GatherV2"}),
      python_frame("/home/u/train.py", "<module>", "user")};
  fake.add_runtime_frames(main);
  const auto reading = read();
  EXPECT_EQ(reading.framework->op, "GatherV2");
  EXPECT_EQ(reading.framework->found_by, "python-frame");
  EXPECT_EQ(reading.framework->confidence, "likely");
}

TEST_P(TensorFlowTest, AKernelWithSeveralBasesIsOneToo) {
  const std::size_t main = fake.add_thread(100, true);
  const auto op = fake.make_kernel_class("N4user7MixedOpE", true);
  put_call(fake.sp(main) + 0x400, op, "Mixed");
  fake.add_frame(main, op.compute, "user::MixedOp::Compute(tensorflow::OpKernelContext*)");
  fake.add_runtime_frames(main);
  EXPECT_EQ(read().framework->op, "Mixed");
}

TEST_P(TensorFlowTest, TheGraphNodeInARegisterIsFound) {
  const std::size_t main = fake.add_thread(100, true);
  const std::uint64_t node = fake.heap(256);
  fake.memory.put_word(node + fake.layout().graph_node_props, fake.make_node_properties("Exit", "loop/Exit", {kFloat}));
  fake.snapshot.threads[main].registers.dwarf[Registers::kRdi] = node;
  fake.add_runtime_frames(main);
  const auto reading = read();
  EXPECT_EQ(reading.framework->op, "Exit");
  EXPECT_EQ(reading.framework->node, "loop/Exit");
  EXPECT_EQ(reading.framework->confidence, "likely");
}

// A kernel found but run by no frame is a leftover when Python says another op is being called.
TEST_P(TensorFlowTest, PythonOutweighsAnUnconfirmedKernel) {
  const std::size_t main = fake.add_thread(100, true);
  put_call(fake.sp(main) + 0x10, fake.make_kernel_class("N10tensorflow6CastOpE"), "Cast");
  fake.threads[main].python = {python_frame("/venv/lib/python3.8/site-packages/tensorflow/python/ops/gen_array_ops.py",
                                            "gather_v2", "package", {"GatherV2"})};
  fake.add_runtime_frames(main);
  EXPECT_EQ(read().framework->op, "GatherV2");
  EXPECT_TRUE(read().framework->inputs.empty());
}

TEST_P(TensorFlowTest, TheInternalOpRunInAnOpsPlaceIsNotTheAnswer) {
  const std::size_t main = fake.add_thread(100, true);
  const auto mkl = fake.make_kernel_class("N10tensorflow9MklMatMulE");
  put_call(fake.sp(main) + 0x400, mkl, "_MklMatMul");
  fake.add_frame(main, mkl.compute, "tensorflow::MklMatMul::Compute(tensorflow::OpKernelContext*)");
  fake.add_runtime_frames(main);
  fake.threads[main].python = {python_frame("/venv/lib/python3.8/site-packages/tensorflow/python/ops/gen_math_ops.py",
                                            "mat_mul", "package", {"MatMul"})};
  const auto reading = read();
  EXPECT_EQ(reading.framework->op, "MatMul");
  ASSERT_EQ(reading.framework->notes.size(), 1U);
  EXPECT_EQ(reading.framework->notes[0], "TensorFlow ran _MklMatMul in place of MatMul.");
}

TEST_P(TensorFlowTest, SilentWhenItTookNoPart) {
  const std::size_t main = fake.add_thread(100, true);
  put_call(fake.sp(main) + 0x400, fake.make_kernel_class("N10tensorflow8GatherOpIfE"), "Gather");
  for (int i = 0; i < 5; ++i) {
    fake.add_frame(main, 0x400000, "my_extension_function");
    fake.threads[main].native.back().module = "/home/u/ext.so";
  }
  EXPECT_FALSE(read().framework);
}

// A thread that a kernel of a loaded library made itself: none of its frames is TensorFlow's.
TEST_P(TensorFlowTest, AThreadOfTheKernelsOwnCounts) {
  const std::size_t worker = fake.add_thread(101, true);
  const std::uint64_t params = fake.heap(fake.layout().params_size);
  put_call(params, fake.make_kernel_class("N4user7AsyncOpE"), "UserAsync");
  const std::uint64_t captures = fake.heap(32);
  fake.memory.put_word(captures + 8, fake.make_context(params));
  fake.memory.put_word(fake.sp(worker) + 64, captures);
  fake.add_frame(worker, 0x400000,
                 "user::AsyncOp::ComputeAsync(tensorflow::OpKernelContext*)::{lambda()#1}::operator()()");
  for (const char* name : {"execute_native_thread_routine", "start_thread", "clone3"})
    fake.add_frame(worker, 0x500000, name);
  for (NativeFrame& frame : fake.threads[worker].native) frame.module = "/home/u/user_ops.so";
  EXPECT_EQ(read().framework->op, "UserAsync");
  fake.threads[worker].native[0].function = "user::unrelated()";
  EXPECT_FALSE(read().framework);
}

TEST_P(TensorFlowTest, AnUnknownVersionGetsWhatRttiProves) {
  const std::size_t main = fake.add_thread(100, true);
  const auto gather = fake.make_kernel_class("N10tensorflow8GatherOpIfE");
  put_call(fake.sp(main) + 0x400, gather, "Gather");
  fake.add_frame(main, gather.compute, "tensorflow::GatherOp<float>::Compute(tensorflow::OpKernelContext*)");
  fake.add_runtime_frames(main);
  fake.module.package_version = "2.99.0";
  const auto reading = read();
  EXPECT_EQ(reading.framework->op, "Gather");
  EXPECT_EQ(reading.framework->confidence, "likely");
  EXPECT_TRUE(reading.framework->inputs.empty());
  EXPECT_EQ(reading.framework->notes.size(), 1U);
}

// Damage anywhere must not crash the reader, nor make it name an op that is not there.
TEST_P(TensorFlowTest, DamagedMemoryNeverYieldsAnotherName) {
  const std::size_t main = fake.add_thread(100, true);
  const auto gather = fake.make_kernel_class("N10tensorflow8GatherOpIfE");
  put_call(fake.sp(main) + 0x400, gather, "Gather");
  fake.add_frame(main, gather.compute, "tensorflow::GatherOp<float>::Compute(tensorflow::OpKernelContext*)");
  fake.add_runtime_frames(main);
  const auto pristine = fake.memory.regions();
  std::mt19937 random(20240607);
  int named = 0;
  for (int round = 0; round < 400; ++round) {
    fake.memory.regions() = pristine;
    for (int hit = 0; hit < 24; ++hit) {
      // The used part of a region, where hits matter.
      auto region = std::next(fake.memory.regions().begin(), static_cast<long>(random() % pristine.size()));
      const std::size_t at = random() % 4096;
      const std::size_t from = region->first == fake.sp(main) - (FakeTensorFlow::kStackSize - 0x1000)
                                   ? FakeTensorFlow::kStackSize - 0x1000
                                   : 0;
      region->second[from + at] = static_cast<std::byte>(random());
    }
    const auto reading = read();
    ASSERT_TRUE(reading.framework);
    const std::string& op = reading.framework->op;
    EXPECT_TRUE(op.empty() || op == "Gather") << op;
    named += op == "Gather";
  }
  EXPECT_GT(named, 50);  // most damage hits something else
}

// A reader that answers everything with its own addresses: chains without end.
class LyingMemory : public MemoryReader {
 public:
  explicit LyingMemory(std::uint64_t target, std::uint64_t step) : target_(target), step_(step) {}
  std::size_t read(TargetAddr from, std::span<std::byte> out) override {
    for (std::size_t i = 0; i + 8 <= out.size(); i += 8) {
      const std::uint64_t word = target_ + (from.value() + i) * step_ % 0x8000 / 16 * 16;
      std::memcpy(out.data() + i, &word, 8);
    }
    return out.size();
  }

 private:
  std::uint64_t target_, step_;
};

TEST_P(TensorFlowTest, LyingMemoryEndsInTime) {
  const std::size_t main = fake.add_thread(100, true);
  fake.add_runtime_frames(main);
  for (const std::uint64_t target : {FakeTensorFlow::kData, FakeTensorFlow::kHeap, FakeTensorFlow::kStack})
    for (const std::uint64_t step : {0U, 1U, 16U, 48U}) {
      LyingMemory memory(target, step);
      fake.snapshot.memory = &memory;
      const auto reading = read();
      ASSERT_TRUE(reading.framework);
      EXPECT_EQ(reading.framework->op, "");
    }
}

TEST(TensorFlowLayout, KnowsMinorVersionsOnly) {
  ASSERT_NE(layout_of("2.8.4"), nullptr);
  EXPECT_EQ(layout_of("2.8.4"), layout_of("2.8.0"));
  EXPECT_NE(layout_of("2.21.0-rc1"), nullptr);
  EXPECT_EQ(layout_of("2.3.0"), nullptr);
  EXPECT_EQ(layout_of("2.22.0"), nullptr);
  EXPECT_EQ(layout_of("3.8.0"), nullptr);
  EXPECT_EQ(layout_of(""), nullptr);
  EXPECT_EQ(layout_of("2"), nullptr);
}

}  // namespace
}  // namespace segwhy::tensorflow
