#include <gtest/gtest.h>

#include "frameworks/fake_frames.h"
#include "frameworks/framework.h"
#include "frameworks/tensorflow/data_types.h"
#include "frameworks/tensorflow/objects.h"
#include "frameworks/tensorflow/version.h"
#include "frameworks/torch/torch.h"

namespace segwhy {
namespace {

using namespace std::string_literals;

TEST(Torch, NamesTheDispatchedOperator) {
  EXPECT_EQ(torch::dispatched_op("at::_ops::addmm::call(at::Tensor const&, at::Tensor const&)"), "aten::addmm");
  EXPECT_EQ(torch::dispatched_op("at::_ops::index_select::redispatch(c10::DispatchKeySet, at::Tensor const&)"),
            "aten::index_select");
  EXPECT_EQ(torch::dispatched_op("at::_ops::addmm::schema_str"), "");
  EXPECT_EQ(torch::dispatched_op("my::function(at::Tensor)"), "");
  EXPECT_EQ(torch::native_op("at::native::embedding_bag(at::Tensor const&)"), "aten::embedding_bag");
  EXPECT_EQ(torch::native_op("at::native::(anonymous namespace)::helper(int)"), "");
  EXPECT_EQ(torch::native_op("void foo<at::native::x>(int)"), "");
}

TEST(Torch, IsReportedOnlyWithItsOwnFrames) {
  Thread crashed;
  crashed.crashed = true;
  const std::string library = "/v/site-packages/torch/lib/libtorch_cpu.so";
  crashed.native = {native_frame(library, "at::native::add_kernel<float>(int)"),
                    native_frame(library, "at::_ops::add__Tensor::call(at::Tensor&)")};
  Module module;
  module.path = library, module.package = "torch", module.package_version = "2.3.0";
  const auto found = torch::read_torch({crashed}, {module});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->op, "aten::add__Tensor");
  EXPECT_EQ(found->version, "2.3.0");
  EXPECT_EQ(found->found_by, "native-frame");
  for (NativeFrame& frame : crashed.native) frame.module = "/home/u/ext.so";
  EXPECT_FALSE(torch::read_torch({crashed}, {module}));
}

TEST(Framework, NothingFromAnEmptySnapshot) {
  EXPECT_FALSE(read_framework({}, {}, {}).framework);
  EXPECT_FALSE(read_framework({}, {}, {}).works_for_tid);
}

TEST(TensorFlowVersion, IsFoundAmongTheStringsOfTheLibrary) {
  using tensorflow::version_in_strings;
  EXPECT_EQ(version_in_strings("x\0v2.4.0-49-g85c8b2a817f\0y\0"s
                               "2.4.1\0z"s),
            "2.4.1");
  EXPECT_EQ(version_in_strings("\0"s
                               "2.0.3\0\0v2.21.0-rc0-3-gabc\0\0"s
                               "2.21.0\0"s),
            "2.21.0");
  EXPECT_EQ(version_in_strings("\0"s
                               "2.4.1\0"s),
            "");
  EXPECT_EQ(version_in_strings("\0v2.4.0-49-g85"s), "");
  EXPECT_EQ(version_in_strings("\0version\0v\0v9"s), "");
  EXPECT_EQ(version_in_strings(""), "");
}

TEST(TensorFlowDataTypes, PreviewsWhatHasAPlainForm) {
  const std::int64_t values[] = {-1, 4};
  const auto bytes = std::as_bytes(std::span(values));
  EXPECT_EQ(tensorflow::preview_values(9, bytes, false), "[-1, 4]");
  EXPECT_EQ(tensorflow::preview_values(9, bytes, true), "[-1, 4, ...]");
  EXPECT_EQ(tensorflow::preview_values(20, bytes, false), "");
  EXPECT_NE(tensorflow::preview_values(2, bytes, false), "");
  EXPECT_EQ(tensorflow::preview_values(2, bytes, true), "");
  EXPECT_EQ(tensorflow::preview_values(9, bytes.first(3), false), "[]");
}

TEST(TensorFlowDataTypes, ReferencesCountAsWhatTheyReferTo) {
  ASSERT_NE(tensorflow::data_type(101), nullptr);
  EXPECT_STREQ(tensorflow::data_type(101)->name, "float32");
  EXPECT_EQ(tensorflow::data_type(0), nullptr);
  EXPECT_EQ(tensorflow::data_type(100), nullptr);
  EXPECT_EQ(tensorflow::data_type(4711), nullptr);
}

TEST(TensorFlowNames, AreCanonical) {
  EXPECT_TRUE(tensorflow::is_op_name("_FusedConv2D"));
  EXPECT_TRUE(tensorflow::is_op_name("Addons>Resample"));
  EXPECT_FALSE(tensorflow::is_op_name(""));
  EXPECT_FALSE(tensorflow::is_op_name("a b"));
  EXPECT_FALSE(tensorflow::is_op_name("a/b"));
  EXPECT_TRUE(tensorflow::is_node_name("while/body/_1/Conv2D"));
  EXPECT_FALSE(tensorflow::is_node_name("\xff"));
}

}  // namespace
}  // namespace segwhy
