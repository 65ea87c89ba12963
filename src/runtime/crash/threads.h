// Threads of the application from start to end: each gets an alternate stack and counts in the ProcessRecord.
#pragma once

#include <pthread.h>

namespace segwhy::runtime {

// At load: adopts the calling thread, the main one, and prepares for others.
void prepare_threads();

// pthread_create(3), with the same results. The new thread runs `start` as its tail, with nothing of the runtime below
// it on its stack.
int create_thread(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*), void* argument);

// In a forked child, on its only thread.
void adopt_thread_after_fork();

}  // namespace segwhy::runtime
