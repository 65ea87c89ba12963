// Custom ops that die: each in another place relative to its kernel's call. Built by test_tensorflow_ops.py against the
// headers of the wheel under test.
#include <chrono>
#include <future>
#include <thread>

#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/util/work_sharder.h"

namespace {

using namespace tensorflow;

int* volatile nowhere = nullptr;

#define SEGWHY_TEST_OP(NAME) \
  REGISTER_OP(NAME)          \
      .Input("x: float")     \
      .Input("index: int32") \
      .Output("y: float")    \
      .SetShapeFn(shape_inference::UnchangedShape)

SEGWHY_TEST_OP("CrashInCompute");
SEGWHY_TEST_OP("CrashInShard");
SEGWHY_TEST_OP("CrashAsync");
SEGWHY_TEST_OP("CrashOwnThread");

REGISTER_OP("CrashBetweenOutputs")
    .Input("x: float")
    .Input("index: int32")
    .Attr("strides: list(int)")
    .Attr("scales: list(float)")
    .Attr("group: int")
    .Attr("padding: string")
    .Attr("wrap: bool")
    .Attr("wanted: type")
    .Output("y: float")
    .Output("z: int32")
    .SetShapeFn(shape_inference::UnknownShape);

// Dies when one of its outputs is made and the other is not.
class CrashBetweenOutputs : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    Tensor* made = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({3, 5}), &made));
    *nowhere = static_cast<int>(made->NumElements());
  }
};

class CrashInCompute : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override { *nowhere = static_cast<int>(context->input(0).NumElements()); }
};

// The submitting thread runs a shard itself: it waits for another thread to take one, where there is such a thread.
class CrashInShard : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    const auto submitter = std::this_thread::get_id();
    std::promise<void> never;
    auto pool = context->device()->tensorflow_cpu_worker_threads();
    const auto work = [&](int64_t begin, int64_t) {
      if (std::this_thread::get_id() == submitter) {
        never.get_future().wait_for(std::chrono::seconds(20));
        return;
      }
      *nowhere = static_cast<int>(begin);
    };
    Shard(4, pool->workers, context->input(0).NumElements(), 1000000, work);
    context->set_output(0, context->input(0));
  }
};

class CrashAsync : public AsyncOpKernel {
 public:
  using AsyncOpKernel::AsyncOpKernel;
  void ComputeAsync(OpKernelContext* context, DoneCallback done) override {
    context->device()->tensorflow_cpu_worker_threads()->workers->Schedule([context, done] {
      *nowhere = static_cast<int>(context->input(0).NumElements());
      done();
    });
  }
};

class CrashOwnThread : public AsyncOpKernel {
 public:
  using AsyncOpKernel::AsyncOpKernel;
  void ComputeAsync(OpKernelContext* context, DoneCallback done) override {
    std::thread([context, done] {
      *nowhere = static_cast<int>(context->input(0).NumElements());
      done();
    }).detach();
  }
};

REGISTER_KERNEL_BUILDER(Name("CrashInCompute").Device(DEVICE_CPU), CrashInCompute);
REGISTER_KERNEL_BUILDER(Name("CrashBetweenOutputs").Device(DEVICE_CPU), CrashBetweenOutputs);
REGISTER_KERNEL_BUILDER(Name("CrashInShard").Device(DEVICE_CPU), CrashInShard);
REGISTER_KERNEL_BUILDER(Name("CrashAsync").Device(DEVICE_CPU), CrashAsync);
REGISTER_KERNEL_BUILDER(Name("CrashOwnThread").Device(DEVICE_CPU), CrashOwnThread);

}  // namespace
