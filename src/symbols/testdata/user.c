/* A Python extension that uses the libraries and contains none: near misses, and the markers of extensions. */
void GOMP_parallel(void (*f)(void *), void *data, unsigned threads, unsigned flags);
void *malloc(unsigned long size);
void free(void *block);
void kernel_base(void *self) __asm__("_ZN10tensorflow8OpKernelC2EPNS_20OpKernelConstructionE");

const char *const kApi[] = {"_ARRAY_API", "numpy.core._multiarray_umath", "x\0_cython_coroutine_type\0_cython_3_0_10",
                            "__pybind11_internals_v4_gcc_libstdcpp_cxxabi1011__"};

void *PyInit_marker_user(void) {
  void *self = malloc(8);
  kernel_base(self);
  GOMP_parallel(free, self, 0, 0);
  return (void *)kApi;
}
