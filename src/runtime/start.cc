// The runtime's only initialiser: joins the session, or leaves everything inert.
#include <pthread.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "runtime/abi/formatted.h"
#include "runtime/crash/dispositions.h"
#include "runtime/crash/handler.h"
#include "runtime/crash/process.h"
#include "runtime/crash/threads.h"
#include "runtime/heap/heap.h"
#include "runtime/heap/recorder.h"
#include "runtime/pal/next.h"

namespace segwhy::runtime {
namespace {

void after_fork_in_child() {
  reset_dispositions_lock();
  reset_format_lock();
  reset_handled_count();
  adopt_thread_after_fork();
  join_after_fork();
  recorder::begin_after_fork();
  heap::after_fork_in_child();
}

// Runs after libc's own initialisation and before main. Constructors of libraries that the program links to may have
// run before it: what they did about signals is taken over.
__attribute__((constructor)) void start(int, char**, char** environment) {
  if (getauxval(AT_SECURE) != 0 || !join_session(environment, &recorder::begin)) return;
  prepare_threads();
  install_handlers();
  pthread_atfork(&heap::before_fork, &heap::after_fork_in_parent, &after_fork_in_child);
  heap::start_heap();
  announce_process();
}

}  // namespace
}  // namespace segwhy::runtime
