// Markers: facts about a library that rules weigh against those of the others in the process, each read off the file's
// symbols or strings, none off its name alone:
//
//   openmp:gomp|iomp5|libomp   an OpenMP runtime: defines GOMP_parallel or __kmpc_fork_call
//   cxx-runtime:libstdc++|libc++   a copy of the C++ runtime: defines __cxa_throw
//   protobuf[:VERSION]         contains protobuf (not: uses another library's)
//   abseil:LTS                 contains abseil of that release, "lts_20230125"
//   llvm:VERSION  qt:VERSION  hdf5:VERSION   contains that library
//   blas:openblas|mkl|blis     a BLAS
//   malloc                     defines malloc and free, other than libc
//   numpy-c-api:1|2            built against the C API of NumPy 1 or 2
//   pybind11[:INTERNALS]       uses pybind11; extensions share objects when the internals' tag is equal
//   cython:VERSION             made by that Cython
//   tensorflow-op              defines kernels: refers to tensorflow::OpKernel without containing it
#pragma once

#include <string>
#include <vector>

#include "dwarf/elf_image.h"
#include "evidence/model/case.h"

namespace segwhy {

// `module` is complete but for its markers. Bounded: symbols are looked up by hash, strings only searched where a
// symbol makes it worthwhile and where they are few megabytes.
[[nodiscard]] std::vector<std::string> module_markers(const ElfImage& image, const Module& module);

}  // namespace segwhy
