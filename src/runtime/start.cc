// The runtime's only initialiser: joins the session, or leaves everything inert.
#include <pthread.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "runtime/abi/formatted.h"
#include "runtime/account/account.h"
#include "runtime/crash/dispositions.h"
#include "runtime/crash/handler.h"
#include "runtime/crash/process.h"
#include "runtime/crash/threads.h"
#include "runtime/exact/attach.h"
#include "runtime/heap/heap.h"
#include "runtime/heap/recorder.h"
#include "runtime/pal/next.h"
#include "runtime/python/eager.h"
#include "runtime/trace/stacks.h"

namespace segwhy::runtime {
namespace {

// Null in an area that is too small for it.
[[nodiscard]] wire::StackSection* stack_section() {
  const wire::AreaHeader* const area = recorder::area();
  if (area == nullptr || area->sections[wire::kSectionStacks].size < sizeof(wire::StackSection)) return nullptr;
  return recorder::section<wire::StackSection>(wire::kSectionStacks);
}

void after_fork_in_child() {
  reset_dispositions_lock();
  reset_format_lock();
  reset_handled_count();
  adopt_thread_after_fork();
  join_after_fork();
  recorder::begin_after_fork();
  trace::use_stacks(stack_section());
  heap::after_fork_in_child();
  account::after_fork_in_child();
}

// Runs after libc's own initialisation and before main. Constructors of libraries that the program links to may have
// run before it: what they did about signals is taken over.
__attribute__((constructor)) void start(int, char**, char** environment) {
  if (getauxval(AT_SECURE) != 0 || !join_session(environment, &recorder::begin)) return;
  python::choose_eager(environment);
  prepare_threads();
  install_handlers();
  pthread_atfork(&heap::before_fork, &heap::after_fork_in_parent, &after_fork_in_child);
  if (recorder::area() != nullptr) {
    trace::find_python();
    trace::use_stacks(stack_section());
    if (session()->protect != wire::kProtectOff) {
      heap::start_heap();
      exact::attach();
    }
    account::start();
  }
  announce_process();
}

// The last of the program's own code is what other libraries' destructors run.
__attribute__((destructor)) void finish() {
  heap::finish_heap();
}

}  // namespace
}  // namespace segwhy::runtime
