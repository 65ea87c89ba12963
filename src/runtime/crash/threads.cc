#include "runtime/crash/threads.h"

#include <limits.h>

#include "runtime/crash/process.h"
#include "runtime/crash/thread_starts.h"
#include "runtime/crash/thread_state.h"
#include "runtime/pal/atomic.h"
#include "runtime/pal/next.h"

namespace segwhy::runtime {
namespace {

pthread_key_t exit_key;
bool exit_key_made;

void count_threads(int change) {
  if (wire::ProcessRecord* const record = process_record()) pal::fetch_add(record->live_threads, change);
}

void note_create_failure(int error) {
  wire::ProcessRecord* const record = process_record();
  if (record == nullptr) return;
  record->thread_create_count = pal::load(record->live_threads);
  record->thread_create_errno = static_cast<uint32_t>(error);
}

void release_own_stack(ThreadState& thread) {
  AltStack* const stack = thread.stack;
  if (stack == nullptr) return;
  // Whichever stack the kernel has, the thread is about to end.
  const stack_t disabled{nullptr, SS_DISABLE, 0};
  if (pal::set_signal_stack(&disabled) != 0) return;  // in use: the thread ends inside a signal handler
  thread.stack = nullptr;
  release_alt_stack(stack);
}

// Other destructors may still crash, so the alternate stack goes in the last round that glibc makes.
void on_thread_exit(void* raw) {
  auto* const thread = static_cast<ThreadState*>(raw);
  if (++thread->exit_rounds < PTHREAD_DESTRUCTOR_ITERATIONS && pthread_setspecific(exit_key, thread) == 0) return;
  release_own_stack(*thread);
  if (thread->counted) count_threads(-1);
  note_thread_end(thread->started_as);
  thread->started_as = 0;
  thread->counted = false;
}

// On the new thread. What it runs is in its stack's header; the call is a tail call, so that the application's start
// routine has the whole stack and is the outermost frame but libc's.
void* run_thread(void* raw) {
  auto* const stack = static_cast<AltStack*>(raw);
  ThreadState& thread = nearby_thread_state();
  thread.tid = pal::thread_id();
  thread.stack = stack;
  thread.counted = true;
  thread.started_as = stack->started_as;
  install_alt_stack(stack);
  adopt_mask(thread, stack->inherited);
  pthread_setspecific(exit_key, &thread);
  return stack->start(stack->argument);
}

}  // namespace

void prepare_threads() {
  exit_key_made = pthread_key_create(&exit_key, &on_thread_exit) == 0;
  ThreadState& thread = nearby_thread_state();
  thread.tid = pal::thread_id();
  thread.stack = acquire_alt_stack();
  stack_t registered{};
  pal::set_signal_stack(nullptr, &registered);
  if (registered.ss_size == 0 || (registered.ss_flags & SS_DISABLE) != 0) install_alt_stack(thread.stack);
  adopt_mask(thread, {});
}

int create_thread(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*), void* argument) {
  ThreadState* const creator = session() != nullptr && exit_key_made ? thread_state() : nullptr;
  AltStack* const stack = creator != nullptr ? acquire_alt_stack() : nullptr;
  if (stack == nullptr) {
    const int plain = pal::next().pthread_create(thread, attributes, start, argument);
    if (plain != 0) note_create_failure(plain);
    return plain;
  }
  stack->start = start;
  stack->argument = argument;
  stack->inherited = creator->mask;
  stack->started_as = note_thread_start(start, argument);
  count_threads(1);
  const int result = pal::next().pthread_create(thread, attributes, &run_thread, stack);
  if (result != 0) {
    note_thread_end(stack->started_as);
    release_alt_stack(stack);
    count_threads(-1);
    note_create_failure(result);
  }
  return result;
}

void adopt_thread_after_fork() {
  ThreadState& thread = nearby_thread_state();
  thread.tid = pal::thread_id();
  thread.counted = false;  // it is the child's main thread now
  thread.started_as = 0;
  thread.last_crash = 0;
}

}  // namespace segwhy::runtime
