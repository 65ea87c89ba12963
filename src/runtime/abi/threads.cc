// pthread_create(3), counted and with an alternate signal stack for the new thread.
#include "runtime/crash/threads.h"
#include "runtime/abi/export.h"
#include "runtime/exact/exact.h"

namespace {

using segwhy::runtime::create_thread;
using segwhy::runtime::exact::direct;

// A stack that the program brings may be a watched block.
[[nodiscard]] bool has_watched_stack(const pthread_attr_t* attributes, void*& stack, size_t& size) {
  return attributes != nullptr && pthread_attr_getstack(attributes, &stack, &size) == 0 && direct(stack) != stack;
}

}  // namespace

SEGWHY_EXPORT int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                                 void* argument) noexcept {
  void* stack = nullptr;
  size_t size = 0;
  if (!has_watched_stack(attributes, stack, size)) return create_thread(thread, attributes, start, argument);
  pthread_attr_t with_direct_stack = *attributes;  // never destroyed: what it refers to is the program's
  pthread_attr_setstack(&with_direct_stack, direct(stack), size);
  return create_thread(thread, &with_direct_stack, start, argument);
}
