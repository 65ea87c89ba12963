// What `segwhy doctor` looks at, gathered. Plain data: the checks over it (doctor_checks.h) are pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "evidence/model/case.h"

namespace segwhy {

// "OF needs NAME SPECIFIER", from a distribution's metadata; requirements with conditions are left out.
struct Requirement {
  std::string of, name, specifier;
};

struct SharedLibrary {
  std::string path;  // below the packages' folder
  std::string kind;  // "libgomp", "libiomp5", "libomp"
};

struct PythonFacts {
  std::string executable;
  std::string version;            // empty when it could not be run: see error
  std::string libc;               // "glibc 2.36", "musl", "" when not known
  std::optional<bool> is_static;  // no dynamic loader: nothing can be preloaded
  std::string error;
  std::map<std::string, std::string> distributions;  // normalised name: version
  std::vector<Requirement> requirements;
  std::vector<SharedLibrary> openmp;
  std::vector<std::string> built_for_numpy_1;  // extension modules; looked for only when NumPy 2 is installed
};

// An attempt to do to a child what a capture does to a crashed program.
struct CaptureProbe {
  std::string ptrace_error;       // empty: works
  std::string memory_error;       // of process_vm_readv; empty: works
  std::optional<double> stop_us;  // to stop the child, microseconds
};

struct DoctorFacts {
  Machine machine;                                 // of this process: limits, cgroup, memory, /dev/shm
  std::map<std::string, std::string> environment;  // the short list that matters
  std::set<std::string> cpu_flags;                 // as /proc/cpuinfo names them: what CPU and kernel both allow
  CaptureProbe capture;
  std::optional<int> yama_scope;    // kernel.yama.ptrace_scope
  std::optional<int> seccomp_mode;  // 2: filtered
  std::string core_pattern;
  std::string huge_pages;         // "always", "madvise", "never"
  std::string userfaultfd_error;  // empty: works
  std::optional<PythonFacts> python;
};

// Reads /proc and /sys, stops a child of its own for an instant, and runs `python` (or python3 of PATH) once.
[[nodiscard]] DoctorFacts collect_doctor_facts(const std::string& python);

// doctor_python.cc: the interpreter and the packages it would import.
[[nodiscard]] std::optional<PythonFacts> collect_python_facts(const std::string& python);

// Name, version and unconditional requirements out of the text of a METADATA file, added to `into`. Pure.
void add_distribution(const std::string& metadata, PythonFacts& into);

// "libgomp" of "libgomp-a34b3233.so.1.0.0", "" for a file that is no OpenMP runtime. Pure.
[[nodiscard]] std::string openmp_kind(const std::string& file_name);

}  // namespace segwhy
