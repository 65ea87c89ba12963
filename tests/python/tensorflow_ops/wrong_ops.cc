// Ten custom ops that go wrong, each in Compute or, with in_pool, in a lambda that a thread of the device's pool runs
// while Compute waits. The line that is at fault ends in a comment with the op's name, by which
// tools/custom_ops_table.py finds it. Built against the headers of the wheel under test.
#include <emmintrin.h>
#include <stdlib.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>

#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/platform/threadpool.h"

namespace {

using namespace tensorflow;

// Volatile wherever a compiler could see what happens, and take it away.
volatile int* volatile nowhere = nullptr;

// What an op works on.
struct Work {
  volatile float* data;
  int64_t size;
  const int32_t* index;
};

void null_dereference(const Work& work) {
  *nowhere = static_cast<int>(work.size);  // NullDereference
}

void overflow_read(const Work& work) {
  float sum = 0;
  for (int64_t i = 0; i < work.size + 4096; ++i) {
    sum += work.data[i];  // OverflowRead
  }
  work.data[0] = sum;
}

void overflow_write(const Work& work) {
  for (int64_t i = 0; i < work.size + 4096; ++i) {
    work.data[i] = 2.0F;  // OverflowWrite
  }
}

// The buffer of the first call's input is used in the second one, when its tensor is long gone.
volatile float* kept;
void use_after_free(const Work& work) {
  if (kept == nullptr) {
    kept = work.data;
    return;
  }
  work.data[0] = kept[1];  // UseAfterFree
}

void divide_by_zero(const Work& work) {
  volatile int32_t count = 1000;
  volatile int32_t divisor = work.index[1];
  count = count / divisor;  // DivideByZero
}

void exception_escaping(const Work& work) noexcept {
  if (work.size > 0) throw std::runtime_error("no such bucket: 7");  // ExceptionEscaping
}

// Checks a shared pointer and uses it while another thread, with nothing that orders the two, takes it away.
std::atomic<int*> shared;
std::atomic<int> turn;
void data_race(const Work& work) {
  int number = 0;
  shared.store(&number, std::memory_order_relaxed);
  turn.store(0, std::memory_order_relaxed);
  std::thread other([] {
    while (turn.load(std::memory_order_relaxed) != 1) std::this_thread::yield();
    shared.store(nullptr, std::memory_order_relaxed);
    turn.store(2, std::memory_order_relaxed);
  });
  if (shared.load(std::memory_order_relaxed) != nullptr) {
    turn.store(1, std::memory_order_relaxed);
    while (turn.load(std::memory_order_relaxed) != 2) std::this_thread::yield();
    *static_cast<volatile int*>(shared.load(std::memory_order_relaxed)) = static_cast<int>(work.size);  // DataRace
  }
  other.join();
}

__attribute__((noinline)) int64_t recurse(volatile int64_t* outer) {  // StackOverflow
  volatile int64_t local[64];
  local[0] = *outer + 1;                  // StackOverflow
  const int64_t deeper = recurse(local);  // StackOverflow
  return deeper + local[0];
}
void stack_overflow(const Work& work) {
  volatile int64_t size = work.size;
  work.data[0] = static_cast<float>(recurse(&size));
}

void unaligned_store(const Work& work) {
  float* const at = const_cast<float*>(work.data) + 1;
  asm volatile("movaps %%xmm0, (%0)" ::"r"(at) : "memory");  // UnalignedStore
}

void abort_call(const Work& work) {
  if (work.size > 0) abort();  // AbortCall
}

using Body = void (*)(const Work&);

template <Body body>
class WrongOp : public OpKernel {
 public:
  explicit WrongOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("in_pool", &in_pool_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Work work{const_cast<float*>(x.flat<float>().data()), x.NumElements(),
                    context->input(1).flat<int32>().data()};
    if (in_pool_) {
      std::promise<void> done;
      context->device()->tensorflow_cpu_worker_threads()->workers->Schedule([&] {
        body(work);
        done.set_value();
      });
      done.get_future().wait();
    } else {
      body(work);
    }
    context->set_output(0, x);
  }

 private:
  bool in_pool_ = false;
};

#define SEGWHY_WRONG_OP(NAME, BODY)                 \
  REGISTER_OP(NAME)                                 \
      .Input("x: float")                            \
      .Input("index: int32")                        \
      .Attr("in_pool: bool")                        \
      .Output("y: float")                           \
      .SetIsStateful()                              \
      .SetShapeFn(shape_inference::UnchangedShape); \
  REGISTER_KERNEL_BUILDER(Name(NAME).Device(DEVICE_CPU), WrongOp<BODY>)

SEGWHY_WRONG_OP("NullDereference", null_dereference);
SEGWHY_WRONG_OP("OverflowRead", overflow_read);
SEGWHY_WRONG_OP("OverflowWrite", overflow_write);
SEGWHY_WRONG_OP("UseAfterFree", use_after_free);
SEGWHY_WRONG_OP("DivideByZero", divide_by_zero);
SEGWHY_WRONG_OP("ExceptionEscaping", exception_escaping);
SEGWHY_WRONG_OP("DataRace", data_race);
SEGWHY_WRONG_OP("StackOverflow", stack_overflow);
SEGWHY_WRONG_OP("UnalignedStore", unaligned_store);
SEGWHY_WRONG_OP("AbortCall", abort_call);

}  // namespace
