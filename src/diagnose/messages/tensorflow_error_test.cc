#include "diagnose/messages/tensorflow_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace segwhy::text {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Shape = std::vector<std::int64_t>;

TensorFlowError read(std::string type, std::string message) {
  Traceback traceback;
  traceback.type = std::move(type);
  traceback.message = std::move(message);
  return read_tensorflow_error(traceback).value_or(TensorFlowError{});
}

constexpr char kInvalid[] = "tensorflow.python.framework.errors_impl.InvalidArgumentError";

TEST(TensorFlowError, WhileAGraphIsBuilt24) {
  const auto e = read("ValueError", R"(in user code:

    q3g.py:5 my_op  *
        b = tf.multiply(x, a)
    /v/lib/python3.8/site-packages/tensorflow/python/util/dispatch.py:201 wrapper  **
        return target(*args, **kwargs)

    ValueError: Dimensions must be equal, but are 1000 and 3 for '{{node Mul}} = Mul[T=DT_FLOAT](x, Const)' with input shapes: [1000,1000], [3].)");
  EXPECT_EQ(e.op, "Mul");
  EXPECT_EQ(e.node, "Mul");
  EXPECT_FALSE(e.in_graph);
  ASSERT_EQ(e.inputs.size(), 2U);
  EXPECT_EQ(e.inputs[0].name, "input 0");
  EXPECT_EQ(e.inputs[0].shape, (Shape{1000, 1000}));
  EXPECT_EQ(e.inputs[1].shape, (Shape{3}));
  ASSERT_EQ(e.frames.size(), 2U);
  EXPECT_EQ(e.frames[0].file, "q3g.py");
  EXPECT_EQ(e.frames[0].line, 5);
  EXPECT_EQ(e.frames[0].function, "my_op");
  EXPECT_EQ(e.frames[0].source, "b = tf.multiply(x, a)");
  EXPECT_TRUE(e.reason.starts_with("Dimensions must be equal")) << e.reason;
}

TEST(TensorFlowError, InsideALayer) {
  const auto e =
      read("ValueError",
           R"(Exception encountered when calling Layer.call().

)"
           "\x1b"
           R"([1mCould not automatically infer the output shape / dtype of 'layer' (of type Layer). Error encountered:

Dimensions must be equal, but are 3 and 7 for '{{node scope/MatMul}} = MatMul[T=DT_FLOAT, transpose_a=false](Placeholder, ones)' with input shapes: [?,3], <unknown>, [7,2].)"
           "\x1b"
           R"([0m

Arguments received by Layer.call():
  • args=('<KerasTensor shape=(None, 3), dtype=float32>',))");
  EXPECT_EQ(e.op, "MatMul");
  EXPECT_EQ(e.node, "scope/MatMul");
  ASSERT_EQ(e.inputs.size(), 2U);
  EXPECT_EQ(e.inputs[0].shape, (Shape{-1, 3}));
  EXPECT_EQ(e.inputs[1].name, "input 2");
  EXPECT_EQ(e.inputs[1].shape, (Shape{7, 2}));
}

TEST(TensorFlowError, NestedStacksOfAutoGraph) {
  const auto e = read("ValueError", R"(in user code:

    File "/v/lib/python3.8/site-packages/keras/engine/training.py", line 859, in train_step
        y_pred = self(x, training=True)

    ValueError: Exception encountered when calling layer "layer" (type Layer).
    
    in user code:
    
        File "f.py", line 6, in call  *
            return tf.matmul(x, w)
    
        ValueError: Dimensions must be equal, but are 3 and 7 for '{{node MatMul}} = MatMul[T=DT_FLOAT](a, b)' with input shapes: [?,3], [7,2].
    
    
    Call arguments received:
      • x=tf.Tensor(shape=(None, 3), dtype=float32))");
  ASSERT_FALSE(e.frames.empty());
  EXPECT_EQ(e.frames.back().file, "f.py");
  EXPECT_EQ(e.frames.back().line, 6);
  EXPECT_EQ(e.frames.back().function, "call");
  EXPECT_EQ(e.op, "MatMul");
}

TEST(TensorFlowError, TypesThatDoNotMatch) {
  const auto e = read("TypeError", R"(in user code:

    File "/tmp/q3.py", line 5, in my_op  *
        b = tf.multiply(x, a)

    TypeError: Input 'y' of 'Mul' Op has type int32 that does not match type float32 of argument 'x'.)");
  EXPECT_EQ(e.op, "Mul");
  ASSERT_EQ(e.inputs.size(), 2U);
  EXPECT_EQ(e.inputs[0].name, "input 'y'");
  EXPECT_EQ(e.inputs[0].dtype, "int32");
  EXPECT_EQ(e.inputs[1].name, "input 'x'");
  EXPECT_EQ(e.inputs[1].dtype, "float32");
  EXPECT_EQ(e.frames.back().line, 5);
}

TEST(TensorFlowError, EagerOps) {
  const auto old = read(kInvalid, "Incompatible shapes: [1000,1000] vs. [3] [Op:Mul]");
  EXPECT_EQ(old.op, "Mul");
  EXPECT_EQ(old.reason, "Incompatible shapes: [1000,1000] vs. [3]");
  ASSERT_EQ(old.inputs.size(), 2U);
  EXPECT_EQ(old.inputs[0].shape, (Shape{1000, 1000}));
  EXPECT_EQ(old.inputs[1].shape, (Shape{3}));
  const auto late = read(kInvalid,
                         "{{function_node __wrapped__Mul_device_/job:localhost/replica:0/task:0/device:CPU:0}} "
                         "Incompatible shapes: [1000,1000] vs. [3] [Op:Mul] name: ");
  EXPECT_EQ(late.op, "Mul");
  EXPECT_EQ(late.reason, "Incompatible shapes: [1000,1000] vs. [3]");
  const auto type = read(kInvalid,
                         "cannot compute Mul as input #1(zero-based) was expected to be a float tensor but is a int32 "
                         "tensor [Op:Mul]");
  ASSERT_EQ(type.inputs.size(), 1U);
  EXPECT_EQ(type.inputs[0].name, "input 1");
  EXPECT_EQ(type.inputs[0].dtype, "int32");
  const auto sizes = read(kInvalid, "Matrix size-incompatible: In[0]: [2,3], In[1]: [4,5] [Op:MatMul]");
  ASSERT_EQ(sizes.inputs.size(), 2U);
  EXPECT_EQ(sizes.inputs[1].shape, (Shape{4, 5}));
}

TEST(TensorFlowError, InAGraph24) {
  const auto e = read(kInvalid, R"(Incompatible shapes: [3] vs. [1000,1000]
	 [[node scope/Mul (defined at /home/u/a.py:6) ]] [Op:__inference_my_op_15]

Errors may have originated from an input operation.
Input Source operations connected to node scope/Mul:
 a (defined at a.py:9)	

Function call stack:
my_op)");
  EXPECT_EQ(e.op, "");
  EXPECT_EQ(e.node, "scope/Mul");
  EXPECT_TRUE(e.in_graph);
  EXPECT_EQ(e.reason, "Incompatible shapes: [3] vs. [1000,1000]");
  ASSERT_EQ(e.frames.size(), 1U);
  EXPECT_EQ(e.frames[0].file, "/home/u/a.py");
  EXPECT_EQ(e.frames[0].line, 6);
}

constexpr char kDetected[] = R"(Graph execution error:

Detected at node 'seq/Reshape' defined at (most recent call last):
    File "b.py", line 11, in <module>
      model.fit(x, y)
    File "b.py", line 6, in call
      y = tf.reshape(x, [n, 7])
Node: 'seq/Reshape'
Detected at node 'other' defined at (most recent call last):
    File "b.py", line 99, in other
      z()
Node: 'other'
2 root error(s) found.
  (0) INVALID_ARGUMENT:  Input to reshape is a tensor with 12 values
	 [[{{node seq/Reshape}}]]
  (1) CANCELLED:  Function was cancelled
0 successful operations. [Op:__inference_train_function_498])";

TEST(TensorFlowError, InAGraphSince27) {
  const auto e = read(kInvalid, kDetected);
  EXPECT_EQ(e.node, "seq/Reshape");
  EXPECT_EQ(e.op, "");
  EXPECT_TRUE(e.in_graph);
  ASSERT_EQ(e.frames.size(), 2U);
  EXPECT_EQ(e.frames.back().line, 6);
  EXPECT_EQ(e.frames.back().source, "y = tf.reshape(x, [n, 7])");
  EXPECT_EQ(e.reason, "(0) INVALID_ARGUMENT:  Input to reshape is a tensor with 12 values");
}

TEST(TensorFlowError, InAPipelineTheOuterOpIsNotTheOne) {
  const auto e = read(kInvalid, "indices = 3 is not in [0, 3)\n\t [[{{node GatherV2}}]] [Op:IteratorGetNext]");
  EXPECT_EQ(e.op, "");
  EXPECT_EQ(e.node, "GatherV2");
  EXPECT_THAT(e.frames, IsEmpty());
  EXPECT_EQ(e.reason, "indices = 3 is not in [0, 3)");
}

TEST(TensorFlowError, OthersExceptionsAreNotRead) {
  Traceback traceback;
  traceback.type = "ValueError";
  traceback.message = "shapes (2,3) and (4,5) not aligned: 3 (dim 1) != 4 (dim 0)";
  EXPECT_FALSE(read_tensorflow_error(traceback));
  traceback.message = "Incompatible shapes: [2] vs. [3]";
  EXPECT_FALSE(read_tensorflow_error(traceback));
  traceback.type = "KeyError";
  traceback.message = "'Mul'";
  EXPECT_FALSE(read_tensorflow_error(traceback));
}

// Text that is cut short or makes no sense gives less, never something else.
TEST(TensorFlowError, CutTextsAreAnswered) {
  const std::string whole = kDetected;
  for (std::size_t end = 0; end <= whole.size(); ++end) {
    const auto e = read(kInvalid, whole.substr(0, end));
    EXPECT_TRUE(e.node.empty() || std::string("seq/Reshape").starts_with(e.node)) << end << e.node;
    EXPECT_EQ(e.op, "");
  }
  for (const char* text :
       {"{{node }} = ()", "for '{{node a}} = ' with input shapes: [", "[[node (defined at :)", "[Op:]",
        "Incompatible shapes:  vs. ", "Incompatible shapes: [99999999999999999999] vs. [-1]",
        "Input '' of '' Op has type ", "as input #(zero-based) was expected to be a", "\x1b["}) {
    const auto e = read(kInvalid, text);
    EXPECT_EQ(e.op, "") << text;
    EXPECT_EQ(e.node, "") << text;
    for (const TensorInfo& input : e.inputs) EXPECT_FALSE(input.shape && !input.shape->empty()) << text;
  }
}

}  // namespace
}  // namespace segwhy::text
