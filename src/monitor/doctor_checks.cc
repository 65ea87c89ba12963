#include "monitor/doctor_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "monitor/version_range.h"

namespace segwhy {
namespace {

using Checks = std::vector<Check>;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

void ok(Checks& out, const char* id, std::string summary) {
  out.push_back({id, CheckStatus::kOk, std::move(summary), ""});
}
void warn(Checks& out, const char* id, std::string summary, std::string advice) {
  out.push_back({id, CheckStatus::kWarn, std::move(summary), std::move(advice)});
}
void bad(Checks& out, const char* id, std::string summary, std::string advice) {
  out.push_back({id, CheckStatus::kFail, std::move(summary), std::move(advice)});
}

// --- this machine ------------------------------------------------------------------------------------------------

struct CpuFeature {
  const char* flag;  // in /proc/cpuinfo
  const char* name;
};
constexpr std::array<CpuFeature, 6> kFeatures = {{{"sse4_2", "SSE4.2"},
                                                  {"avx", "AVX"},
                                                  {"avx2", "AVX2"},
                                                  {"fma", "FMA"},
                                                  {"f16c", "F16C"},
                                                  {"avx512f", "AVX-512F"}}};

// What wheels on PyPI are compiled for without a check at run time, from the projects' installation pages.
struct CpuNeed {
  const char* distribution;
  const char* since;  // version range
  const char* flag;
};
constexpr std::array<CpuNeed, 6> kCpuNeeds = {{{"tensorflow", ">=1.6", "avx"},
                                               {"tensorflow-cpu", ">=1.6", "avx"},
                                               {"jaxlib", "", "avx"},
                                               {"polars", "", "avx2"},
                                               {"pyarrow", "", "sse4_2"},
                                               {"numpy", ">=2.4", "sse4_2"}}};

std::string name_of(const std::string& flag) {
  const auto* feature =
      std::find_if(kFeatures.begin(), kFeatures.end(), [&](const CpuFeature& f) { return flag == f.flag; });
  return feature != kFeatures.end() ? feature->name : flag;
}

void check_cpu(const DoctorFacts& facts, Checks& out) {
  if (facts.cpu_flags.empty()) return;
  std::vector<std::string> has, lacks;
  for (const CpuFeature& f : kFeatures) (facts.cpu_flags.count(f.flag) > 0 ? has : lacks).emplace_back(f.name);
  std::string text = fmt::format("{}: {}", facts.machine.cpu, fmt::join(has, ", "));
  if (!lacks.empty()) text += fmt::format("; without {}", fmt::join(lacks, ", "));
  ok(out, "cpu", std::move(text));
  if (!facts.python) return;
  for (const CpuNeed& need : kCpuNeeds) {
    const auto found = facts.python->distributions.find(need.distribution);
    if (found == facts.python->distributions.end() || facts.cpu_flags.count(need.flag) > 0) continue;
    if (version_in_range(found->second, need.since) != true) continue;
    bad(out, "cpu-features",
        fmt::format("{} {} needs {}, which this CPU or virtual machine lacks: it will end with SIGILL",
                    need.distribution, found->second, name_of(need.flag)),
        fmt::format("pass {} through to the virtual machine, or build {} for this CPU", name_of(need.flag),
                    need.distribution));
  }
}

void check_kernel(const DoctorFacts& facts, Checks& out) {
  if (!facts.machine.kernel.empty())
    ok(out, "kernel", fmt::format("Linux {}, {}", facts.machine.kernel, facts.machine.os));
}

std::string ptrace_advice(const DoctorFacts& facts) {
  if (facts.yama_scope.value_or(0) >= 2) {
    return fmt::format("kernel.yama.ptrace_scope is {}: `sysctl kernel.yama.ptrace_scope=1`", *facts.yama_scope);
  }
  if (facts.seccomp_mode == 2) return "in a container: start it with `--cap-add SYS_PTRACE`";
  return "allow ptrace among this user's own processes";
}

void check_capture(const DoctorFacts& facts, Checks& out) {
  const CaptureProbe& probe = facts.capture;
  if (!probe.ptrace_error.empty()) {
    warn(out, "capture",
         fmt::format("ptrace is refused ({}): the program's own crash handler is used, which sees less",
                     probe.ptrace_error),
         ptrace_advice(facts));
  } else if (!probe.memory_error.empty()) {
    warn(out, "capture", fmt::format("memory of other processes cannot be read ({})", probe.memory_error),
         ptrace_advice(facts));
  } else if (probe.stop_us) {
    ok(out, "capture",
       fmt::format("a crashed program can be stopped and read ({:.0f} microseconds to stop a thread)", *probe.stop_us));
  }
}

void check_protection(const DoctorFacts& facts, Checks& out) {
  if (facts.userfaultfd_error.empty()) {
    ok(out, "userfaultfd", "available: memory can be guarded at its lowest cost");
  } else {
    ok(out, "userfaultfd",
       fmt::format("not available ({}): guarding memory falls back to slower means", facts.userfaultfd_error));
  }
  if (!facts.huge_pages.empty()) ok(out, "huge-pages", fmt::format("transparent huge pages: {}", facts.huge_pages));
}

// --- limits ------------------------------------------------------------------------------------------------------

const Limit* limit(const DoctorFacts& facts, const char* name) {
  const auto found = facts.machine.limits.find(name);
  return found != facts.machine.limits.end() ? &found->second : nullptr;
}

std::string bytes_or_unlimited(const std::optional<std::uint64_t>& value) {
  return value ? human_bytes(*value) : "unlimited";
}

void check_stack(const DoctorFacts& facts, Checks& out) {
  const Limit* stack = limit(facts, "stack");
  if (!stack) return;
  std::string text = fmt::format("stack of the main thread: {}", bytes_or_unlimited(stack->soft));
  if (stack->soft && *stack->soft < 8 * kMiB) {
    return warn(out, "stack", text + ": deep recursion ends in a stack overflow",
                "`ulimit -s 8192` or more before the program");
  }
  ok(out, "stack", std::move(text));
}

void check_threads(const DoctorFacts& facts, Checks& out) {
  constexpr std::uint64_t kEnough = 256;  // thread pools of a framework on a large machine
  const Limit* processes = limit(facts, "nproc");
  const auto& used = facts.machine.user_threads;
  if (processes && processes->soft && used && *processes->soft < *used + kEnough) {
    warn(out, "threads", fmt::format("this user runs {} threads of {} allowed (RLIMIT_NPROC)", *used, *processes->soft),
         "raise it: `ulimit -u`, or limits.conf, or fewer threads: OMP_NUM_THREADS");
  }
  const auto& group = facts.machine.cgroup;
  if (group && group->pids_limit && *group->pids_limit < group->pids_current.value_or(0) + kEnough) {
    return warn(out, "threads",
                fmt::format("the cgroup allows {} processes and threads, {} run", *group->pids_limit,
                            group->pids_current.value_or(0)),
                "raise the container's pids limit (docker: `--pids-limit`)");
  }
  if (used)
    ok(out, "threads",
       fmt::format("{} threads of this user run, limit {}", *used,
                   processes && processes->soft ? std::to_string(*processes->soft) : "none"));
  else if (processes && processes->soft)
    ok(out, "threads", fmt::format("far from the limit of {} (RLIMIT_NPROC)", *processes->soft));
}

void check_files(const DoctorFacts& facts, Checks& out) {
  const Limit* files = limit(facts, "nofile");
  if (!files || !files->soft) return;
  if (*files->soft < 1024) {
    return warn(out, "files", fmt::format("only {} open files are allowed", *files->soft),
                "`ulimit -n 4096` before the program");
  }
  ok(out, "files", fmt::format("{} open files are allowed", *files->soft));
}

void check_address_space(const DoctorFacts& facts, Checks& out) {
  const Limit* space = limit(facts, "as");
  if (space && space->soft) {
    warn(out, "address-space",
         fmt::format("address space is limited to {} (RLIMIT_AS): frameworks reserve far more than they use",
                     human_bytes(*space->soft)),
         "`ulimit -v unlimited`; limit memory with a cgroup instead");
  }
  if (facts.machine.overcommit == 2) {
    warn(out, "overcommit", "vm.overcommit_memory is 2: large reservations fail though memory is free",
         "`sysctl vm.overcommit_memory=0`");
  }
  constexpr std::uint64_t kDefaultMappings = 65530;
  if (facts.machine.mappings_max && *facts.machine.mappings_max < kDefaultMappings) {
    warn(out, "mappings",
         fmt::format("vm.max_map_count is {}, below the usual {}", *facts.machine.mappings_max, kDefaultMappings),
         fmt::format("`sysctl vm.max_map_count={}`", kDefaultMappings));
  } else if (facts.machine.mappings_max) {
    ok(out, "mappings", fmt::format("{} mappings are allowed (vm.max_map_count)", *facts.machine.mappings_max));
  }
}

void check_locked(const DoctorFacts& facts, Checks& out) {
  if (const Limit* locked = limit(facts, "memlock")) {
    ok(out, "locked-memory", fmt::format("{} may be locked (RLIMIT_MEMLOCK)", bytes_or_unlimited(locked->soft)));
  }
}

void check_memory(const DoctorFacts& facts, Checks& out) {
  const Machine& m = facts.machine;
  if (m.cgroup && m.cgroup->memory_limit) {
    const std::uint64_t total = *m.cgroup->memory_limit, used = m.cgroup->memory_current.value_or(0);
    const std::string text = fmt::format("the cgroup allows {}, {} used", human_bytes(total), human_bytes(used));
    if (used > total - total / 10) {
      warn(out, "memory", text + ": the kernel kills at the limit",
           "raise the container's memory limit (docker: `--memory`)");
    } else {
      ok(out, "memory", text);
    }
  }
  if (!m.memory_total || !m.memory_available) return;
  const std::string text =
      fmt::format("{} of {} available", human_bytes(*m.memory_available), human_bytes(*m.memory_total));
  if (*m.memory_available < *m.memory_total / 20) {
    return warn(out, "memory", text + ": the kernel may kill the program", "free memory, or run on a larger machine");
  }
  ok(out, "memory", text);
}

void check_shared_memory(const DoctorFacts& facts, Checks& out) {
  const auto& total = facts.machine.shm_total;
  const auto& free = facts.machine.shm_free;
  if (!total || !free) return;
  const std::string text = fmt::format("/dev/shm has {}, {} free", human_bytes(*total), human_bytes(*free));
  constexpr std::uint64_t kContainerDefault = 64 * kMiB;  // docker's, too small for worker processes
  if (*total <= kContainerDefault || *free < *total / 10) {
    return warn(out, "shared-memory", text + ": data loaders and multiprocessing end with SIGBUS when it is full",
                "docker: `--shm-size 2g`; Kubernetes: an emptyDir with medium Memory at /dev/shm");
  }
  ok(out, "shared-memory", text);
}

void check_core(const DoctorFacts& facts, Checks& out) {
  const Limit* core = limit(facts, "core");
  if (!core) return;
  if (core->soft == std::uint64_t{0})
    return ok(out, "core", "core dumps are off (ulimit -c 0); segwhy does not need them");
  ok(out, "core", fmt::format("core dumps go to `{}`", facts.core_pattern));
}

// --- environment -------------------------------------------------------------------------------------------------

struct Suspect {
  const char* name;
  const char* why;
};
constexpr std::array<Suspect, 6> kSuspects = {
    {{"LD_PRELOAD", "puts this library into every program; an allocator in it replaces malloc"},
     {"OPENBLAS_CORETYPE", "makes OpenBLAS use kernels of that CPU, also where this one cannot run them"},
     {"KMP_DUPLICATE_LIB_OK", "hides that two OpenMP runtimes are loaded, which can crash or give wrong results"},
     {"MALLOC_PERTURB_", "fills freed memory: programs that use it after free fail elsewhere than usual"},
     {"MALLOC_CHECK_", "makes malloc check, with other behaviour on errors"},
     {"GLIBC_TUNABLES", "changes how glibc works"}}};

void check_environment(const DoctorFacts& facts, Checks& out) {
  const std::size_t before = out.size();
  for (const Suspect& suspect : kSuspects) {
    const auto found = facts.environment.find(suspect.name);
    if (found == facts.environment.end() || found->second.empty()) continue;
    warn(out, "environment", fmt::format("{}={} {}", suspect.name, found->second, suspect.why),
         fmt::format("`unset {}` unless it is meant", suspect.name));
  }
  if (out.size() == before) ok(out, "environment", "no variable that is known to cause crashes is set");
}

// --- Python ------------------------------------------------------------------------------------------------------

void check_interpreter(const PythonFacts& python, Checks& out) {
  if (!python.error.empty()) {
    return bad(out, "python", fmt::format("{}: {}", python.executable, python.error),
               "name an interpreter with --python");
  }
  const std::string name = fmt::format("Python {} ({})", python.version, python.executable);
  if (python.is_static == true) {
    return bad(out, "python", name + " is statically linked: segwhy cannot look into it",
               "use a dynamically linked Python");
  }
  if (python.libc == "musl") {
    return bad(out, "python", name + " runs on musl: segwhy supports glibc",
               "use an image with glibc (Debian, Ubuntu, Fedora)");
  }
  ok(out, "python", python.libc.empty() ? name : fmt::format("{} on {}", name, python.libc));
}

void check_openmp(const PythonFacts& python, Checks& out) {
  if (python.openmp.size() < 2) {
    return ok(
        out, "openmp",
        fmt::format("{} OpenMP runtime{} in the packages", python.openmp.size(), python.openmp.size() == 1 ? "" : "s"));
  }
  std::set<std::string> kinds;
  std::vector<std::string> paths;
  for (const SharedLibrary& library : python.openmp) {
    kinds.insert(library.kind);
    paths.push_back(library.path);
  }
  std::string text = fmt::format("{} OpenMP runtimes in the packages: {}", paths.size(), fmt::join(paths, ", "));
  if (kinds.size() > 1) text += "; of different vendors, which abort or hang when both start threads";
  warn(out, "openmp", std::move(text),
       "install packages that share one (conda does), or import the one that must win first");
}

// Packages whose compiled interface others are built against.
bool carries_abi(const std::string& name) {
  static const std::set<std::string> kNames = {"grpcio",   "h5py",    "ml-dtypes",  "numpy",
                                               "protobuf", "pyarrow", "tensorflow", "torch"};
  return kNames.count(name) > 0;
}

void check_abi(const PythonFacts& python, Checks& out) {
  const std::size_t before = out.size();
  for (const Requirement& need : python.requirements) {
    const auto installed = python.distributions.find(need.name);
    if (!carries_abi(need.name) || installed == python.distributions.end()) continue;
    if (version_in_range(installed->second, need.specifier) != false) continue;
    warn(out, "abi",
         fmt::format("{} {} asks for {}{}, {} is installed", need.of, python.distributions.at(need.of), need.name,
                     need.specifier, installed->second),
         fmt::format("`pip install \"{}{}\"`", need.name, need.specifier));
  }
  for (const std::string& path : python.built_for_numpy_1) {
    bad(out, "abi",
        fmt::format("{} is built for NumPy 1, NumPy {} is installed", path, python.distributions.at("numpy")),
        "install a release of that package built for NumPy 2, or `pip install \"numpy<2\"`");
  }
  if (out.size() == before)
    ok(out, "abi", fmt::format("{} packages, native interfaces agree", python.distributions.size()));
}

}  // namespace

const char* to_string(CheckStatus status) {
  switch (status) {
    case CheckStatus::kOk:
      return "ok";
    case CheckStatus::kWarn:
      return "warn";
    case CheckStatus::kFail:
      break;
  }
  return "fail";
}

std::vector<Check> run_doctor_checks(const DoctorFacts& facts) {
  Checks out;
  for (void (*check)(const DoctorFacts&, Checks&) :
       {check_kernel, check_cpu, check_capture, check_protection, check_stack, check_threads, check_files,
        check_address_space, check_locked, check_memory, check_shared_memory, check_core, check_environment}) {
    check(facts, out);
  }
  if (!facts.python) return out;
  check_interpreter(*facts.python, out);
  if (!facts.python->error.empty()) return out;
  check_openmp(*facts.python, out);
  check_abi(*facts.python, out);
  return out;
}

}  // namespace segwhy
