#include "runtime/crash/recovery.h"

#include "runtime/pal/atomic.h"

namespace segwhy::runtime {

// Never inlined: __builtin_setjmp spoils the registers of its function, so what is needed after it lives in memory.
__attribute__((noinline)) bool run_recoverably(ThreadState& thread, void (*function)(void*), void* argument) {
  void* point[5];
  ThreadState* volatile self = &thread;
  volatile bool complete = false;
  if (__builtin_setjmp(point) == 0) {
    pal::store(thread.recovery, point);
    function(argument);
    complete = true;
  }
  pal::store(self->recovery, static_cast<void**>(nullptr));
  return complete;
}

bool runs_recoverably(const ThreadState& thread) {
  return pal::load(thread.recovery) != nullptr;
}

void give_up_faulted(ThreadState& thread) {
  void** const point = thread.recovery;
  thread.recovery = nullptr;
  __builtin_longjmp(point, 1);
}

}  // namespace segwhy::runtime
