/* A library with what markers are read from: built by the test, loaded by nothing. */
#include <stdlib.h>

void GOMP_parallel(void (*f)(void *), void *data, unsigned threads, unsigned flags) {
  (void)threads, (void)flags;
  f(data);
}

/* google::protobuf::internal::VerifyVersion(int, char const*) of 6.31.1. */
void verify(int version, const char *file) __asm__("_ZN6google8protobuf8internal13VerifyVersionEiPKc");
void verify(int version, const char *file) {
  if (version != 6031001) *(volatile char *)file = 0;
}

void *malloc(size_t size) { return size == 0 ? 0 : (void *)16; }
void free(void *block) { (void)block; }

const char *H5get_libversion(void) { return "HDF5 library version: 1.14.2"; }
