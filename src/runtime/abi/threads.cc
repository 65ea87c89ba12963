// pthread_create(3), counted and with an alternate signal stack for the new thread.
#include "runtime/crash/threads.h"
#include "runtime/abi/export.h"

SEGWHY_EXPORT int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                                 void* argument) noexcept {
  return segwhy::runtime::create_thread(thread, attributes, start, argument);
}
