#include "frameworks/tensorflow/python_op.h"

#include <gtest/gtest.h>

#include "frameworks/fake_frames.h"

namespace segwhy::tensorflow {
namespace {

constexpr char kPackage[] = "/venv/lib/python3.12/site-packages/tensorflow/python/";

PythonFrame wrapper(const std::string& function, std::vector<std::string> constants) {
  return python_frame(std::string(kPackage) + "ops/gen_array_ops.py", function, "package", std::move(constants));
}
PythonFrame user() {
  return python_frame("/home/u/tensorflow/train.py", "step", "user");
}

std::string name_of(const std::vector<PythonFrame>& frames) {
  const auto op = op_in_python_frames(frames, "");
  return op ? op->name : "";
}

TEST(PythonOp, TakesTheConstantThatSpellsTheFunction) {
  EXPECT_EQ(name_of({wrapper("sparse_count_sparse_output", {"indices", "SparseCountSparseOutput"}), user()}),
            "SparseCountSparseOutput");
  EXPECT_EQ(name_of({wrapper("conv2d_backprop_input_eager_fallback", {"Conv2DBackpropInput"}), user()}),
            "Conv2DBackpropInput");
  EXPECT_EQ(name_of({wrapper("_irfft3d", {"IRFFT3D"}), user()}), "IRFFT3D");
}

TEST(PythonOp, AFunctionIsRunWhereNoWrapperOfAnOpCallsTheRuntime) {
  const PythonFrame execute = python_frame(std::string(kPackage) + "eager/execute.py", "quick_execute", "package");
  const PythonFrame call = python_frame(std::string(kPackage) + "eager/function.py", "call", "package");
  EXPECT_TRUE(runs_function({execute, call, user()}));
  EXPECT_FALSE(runs_function({execute, wrapper("gather_v2_eager_fallback", {"GatherV2"}), user()}));
  EXPECT_FALSE(runs_function({call, user()}));
  EXPECT_FALSE(runs_function({user(), execute, call}));
}

TEST(PythonOp, NeverMakesANameUp) {
  EXPECT_EQ(name_of({wrapper("sparse_count_sparse_output", {"DenseCountSparseOutput", "T"}), user()}), "");
  EXPECT_EQ(name_of({wrapper("lambda", {}), user()}), "");
  EXPECT_EQ(name_of({user()}), "");
  EXPECT_EQ(name_of({}), "");
}

TEST(PythonOp, TheSlowPathsCallerNamesTheOpWhenItDoesNot) {
  EXPECT_EQ(name_of({wrapper("gather_v2_eager_fallback", {"axis"}), wrapper("gather_v2", {"GatherV2"}), user()}),
            "GatherV2");
}

TEST(PythonOp, AWrapperBehindTheProgramsOwnCodeIsAnotherCall) {
  EXPECT_EQ(name_of({user(), wrapper("eager_py_func", {"EagerPyFunc"}), user()}), "");
  EXPECT_FALSE(runs_tensorflow_python({user(), wrapper("eager_py_func", {"EagerPyFunc"})}));
}

TEST(PythonOp, OtherLibrariesBetweenDoNotHideIt) {
  const PythonFrame numpy = python_frame("/venv/lib/python3.12/site-packages/numpy/core/numeric.py", "full", "package");
  EXPECT_EQ(name_of({numpy, wrapper("gather_v2", {"GatherV2"}), user()}), "GatherV2");
}

TEST(PythonOp, WrappersOfALoadedLibraryAreCompiledFromText) {
  const PythonFrame frame = python_frame("<string>", "my_custom_op", "", {"MyCustomOp"});
  EXPECT_EQ(name_of({frame, user()}), "MyCustomOp");
  const PythonFrame other = python_frame("<string>", "helper", "", {"MyCustomOp"});
  EXPECT_EQ(name_of({other, user()}), "");
}

TEST(PythonOp, ReadsTheExportedName) {
  constexpr char kModule[] =
      "import x\n\n@tf_export(\"other\")\ndef other(a):\n  pass\n\n\n"
      "@tf_export(\"experimental.dlpack.to_dlpack\", v1=[])\ndef to_dlpack(tf_tensor):\n  return 1\n\n"
      "@tf_export(\n    'strings.substr',\n    v1=['strings.substr'])\n@dispatch.add_dispatch_support\n"
      "def substr_v2(input):\n  pass\n\ndef plain(a):\n  pass\n";
  EXPECT_EQ(exported_name(kModule, "to_dlpack"), "experimental.dlpack.to_dlpack");
  EXPECT_EQ(exported_name(kModule, "substr_v2"), "strings.substr");
  EXPECT_EQ(exported_name(kModule, "plain"), std::nullopt);
  EXPECT_EQ(exported_name(kModule, "missing"), std::nullopt);
  EXPECT_EQ(exported_name("", ""), std::nullopt);
  EXPECT_EQ(exported_name("@tf_export(\ndef f(", "f"), std::nullopt);
  EXPECT_EQ(exported_name("@tf_export('a\ndef f(", "f"), std::nullopt);
}

}  // namespace
}  // namespace segwhy::tensorflow
