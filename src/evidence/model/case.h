// Case: all the evidence about one incident, interpreted but not judged. What diagnose/ takes in, what a .case file
// holds, and what report/ prints beside the verdict.
//
// Plain data, no behaviour. Every field that may be unknown is optional or may be empty; unknown is never encoded as a
// plausible value. Addresses are numbers of the target. Text is valid UTF-8 by the time it is here. Each struct lists
// its fields once, in `fields`, from which case_json.h derives both directions of the JSON form.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "evidence/model/frames.h"
#include "evidence/model/heap.h"
#include "evidence/model/memory.h"

namespace segwhy {

// --- frames ------------------------------------------------------------------------------------------------------

// One line of the merged stack: an index into Thread::python or Thread::native.
struct MergedFrame {
  bool is_python = false;
  std::uint32_t index = 0;

  template <class V>
  void fields(V& v) {
    v("is_python", is_python), v("index", index);
  }
};

struct Thread {
  int tid = 0;
  std::string name;
  bool crashed = false;
  bool is_main = false;             // tid == pid
  std::vector<PythonFrame> python;  // innermost first
  std::vector<NativeFrame> native;  // innermost first
  std::vector<MergedFrame> merged;  // innermost first; interpreter internals left out
  bool native_truncated = false;    // more frames than were kept; `native_depth` counts them when known
  std::optional<std::uint64_t> native_depth;
  std::optional<std::uint64_t> python_depth;  // when frames were left out
  std::optional<bool> holds_gil;
  bool has_python_state = false;  // the interpreter knows this thread
  std::optional<Address> stack_start, stack_end;
  // For a native thread without Python frames: the Python thread it works for, and how that was found.
  std::optional<int> works_for_tid;
  std::string works_for_reason;

  template <class V>
  void fields(V& v) {
    v("tid", tid), v("name", name), v("crashed", crashed), v("is_main", is_main), v("python", python);
    v("native", native), v("merged", merged), v("native_truncated", native_truncated), v("native_depth", native_depth);
    v("python_depth", python_depth), v("holds_gil", holds_gil), v("has_python_state", has_python_state);
    v("stack_start", stack_start), v("stack_end", stack_end), v("works_for_tid", works_for_tid);
    v("works_for_reason", works_for_reason);
  }
};

// --- the fault ---------------------------------------------------------------------------------------------------

struct Operand {
  std::string text;  // "qword ptr [rcx+rsi*8]", "rax"
  std::string kind;  // "memory", "register", "immediate"
  bool read = false, written = false;
  std::uint32_t width = 0;             // bytes
  std::optional<Address> address;      // effective, of a memory operand
  std::optional<std::uint64_t> value;  // of a register or immediate; of memory when it could be read (width <= 8)
  std::map<std::string, std::uint64_t> registers;  // that the address is computed from
  std::string base, index;                         // register names, memory operands
  std::uint32_t scale = 0;
  std::int64_t displacement = 0;

  template <class V>
  void fields(V& v) {
    v("text", text), v("kind", kind), v("read", read), v("written", written), v("width", width), v("address", address);
    v("value", value), v("registers", registers), v("base", base), v("index", index), v("scale", scale);
    v("displacement", displacement);
  }
};

struct Instruction {
  std::string bytes;                 // hexadecimal, no spaces
  std::string text;                  // Intel syntax
  std::string mnemonic;              // lower case
  std::string isa_set;               // Zydis' ISA set name: "AVX512F_512", "FMA4", "I86"...
  std::optional<bool> cpu_supports;  // by cpuid and XCR0 of this machine; absent when not decidable
  std::string missing_feature;       // the feature's usual name when cpu_supports is false: "FMA4", "AVX-512F"
  std::vector<Operand> operands;     // explicit and implicit memory operands, registers of div and the like
  std::string category;              // "div", "call", "ret", "jump", "trap", "stack", "string", "move" or "other"

  template <class V>
  void fields(V& v) {
    v("bytes", bytes), v("text", text), v("mnemonic", mnemonic), v("isa_set", isa_set), v("cpu_supports", cpu_supports);
    v("missing_feature", missing_feature), v("operands", operands), v("category", category);
  }
};

// A mapping as evidence, with its distance from the fault address.
struct MappingInfo {
  Address start = 0, end = 0;
  std::string permissions;  // "rw-p"
  std::string path;
  std::uint64_t file_offset = 0;
  bool deleted = false;
  std::optional<std::uint64_t> file_size;        // now; files only
  std::string filesystem;                        // "tmpfs", "ext4"...; files only
  std::optional<std::uint64_t> filesystem_free;  // bytes that anyone may still use; files only
  std::string section;                           // ELF section or segment name, when the path is an ELF object
  std::uint64_t distance = 0;                    // bytes between the fault address and the mapping; 0 when inside

  template <class V>
  void fields(V& v) {
    v("start", start), v("end", end), v("permissions", permissions), v("path", path), v("file_offset", file_offset);
    v("deleted", deleted), v("file_size", file_size), v("filesystem", filesystem);
    v("filesystem_free", filesystem_free), v("section", section), v("distance", distance);
  }
};

struct Fault {
  std::optional<Address> address;  // recovered: see address_source
  std::string address_source;      // "siginfo", "operand" (decoded, e.g. non-canonical) or "pc"
  std::string access;              // "read", "write", "execute" or "" when not known
  std::string access_source;       // "page-fault" (error code), "instruction"
  std::uint32_t width = 0;         // bytes, 0 when not known
  bool non_canonical = false;
  bool misaligned = false;               // the address is fine but for its alignment, on which the instruction insists
  bool crosses_page = false;             // the access began in the page before `address`
  std::optional<std::uint32_t> operand;  // which of instruction->operands faulted, when that is known
  std::optional<MappingInfo> inside;     // mapping that contains the address
  std::optional<MappingInfo> below, above;  // nearest neighbours otherwise
  std::optional<int> stack_of_tid;          // the address lies in or just below this thread's stack
  std::optional<std::int64_t> below_sp;     // bytes by which the address is below the stack pointer (negative: above)
  std::optional<std::uint64_t> stack_size;  // of the crashed thread, bytes
  std::optional<std::uint64_t> stack_used;  // bytes between its base and sp
  std::optional<Instruction> instruction;

  template <class V>
  void fields(V& v) {
    v("address", address), v("address_source", address_source), v("access", access), v("access_source", access_source);
    v("width", width), v("non_canonical", non_canonical), v("misaligned", misaligned);
    v("crosses_page", crosses_page), v("operand", operand), v("inside", inside), v("below", below), v("above", above);
    v("stack_of_tid", stack_of_tid), v("below_sp", below_sp), v("stack_size", stack_size), v("stack_used", stack_used);
    v("instruction", instruction);
  }
};

// Death::sender_name when a SIGKILL to Segwhy's own front was passed on to the program.
inline constexpr char kSenderSegwhy[] = "segwhy, which was itself killed with SIGKILL";

struct Death {
  std::string kind;                 // "exit", "signal", "oom" or "none" (still alive)
  std::optional<int> signal, code;  // si_code
  std::optional<Address> address;   // as the kernel gave it
  std::optional<int> exit_code;
  std::optional<int> sender_pid, sender_uid;
  std::string sender_name;  // of the process that sent the signal, when it could be read
  bool dumped_core = false;

  template <class V>
  void fields(V& v) {
    v("kind", kind), v("signal", signal), v("code", code), v("address", address), v("exit_code", exit_code);
    v("sender_pid", sender_pid), v("sender_uid", sender_uid), v("sender_name", sender_name),
        v("dumped_core", dumped_core);
  }
};

// --- what the program said ---------------------------------------------------------------------------------------

struct CxxException {
  std::string type;                // demangled
  std::string what;                // empty when it could not be read
  std::string source;              // "memory" (the exception object) or "message" (libstdc++'s last words)
  std::vector<std::string> bases;  // demangled base classes

  template <class V>
  void fields(V& v) {
    v("type", type), v("what", what), v("source", source), v("bases", bases);
  }
};

struct Messages {
  std::string abort_text;        // glibc's __abort_msg
  std::string stderr_tail;       // up to 64 KiB
  bool stderr_complete = false;  // nothing older was lost
  std::optional<CxxException> exception;

  template <class V>
  void fields(V& v) {
    v("abort_text", abort_text), v("stderr_tail", stderr_tail), v("stderr_complete", stderr_complete);
    v("exception", exception);
  }
};

// --- the program -------------------------------------------------------------------------------------------------

struct Module {
  std::string path;
  Address start = 0, end = 0;
  std::string build_id;
  std::string soname;
  std::string package, package_version;  // Python distribution or Debian package that owns the file
  std::vector<std::string> needed;       // DT_NEEDED
  std::vector<std::string>
      markers;  // known facts found in it, e.g. "numpy-abi:1", "openmp:libgomp", "static:protobuf-3.9.2"

  template <class V>
  void fields(V& v) {
    v("path", path), v("start", start), v("end", end), v("build_id", build_id), v("soname", soname);
    v("package", package), v("package_version", package_version), v("needed", needed), v("markers", markers);
  }
};

// Native threads that one library runs.
struct ThreadGroup {
  std::string module;    // path: of the code the threads were started for
  std::string function;  // in which they start
  std::uint32_t threads = 0;

  template <class V>
  void fields(V& v) {
    v("module", module), v("function", function), v("threads", threads);
  }
};

struct Fork {
  std::string origin;  // "root", "fork" or "exec"
  std::optional<int> parent_pid;
  std::optional<std::uint32_t>
      parent_threads;  // native threads the parent had at the fork, the forking one not counted
  std::optional<bool> parent_alive;
  std::vector<ThreadGroup> parent_pools;  // what those threads were for, as far as it is known

  template <class V>
  void fields(V& v) {
    v("origin", origin), v("parent_pid", parent_pid), v("parent_threads", parent_threads),
        v("parent_alive", parent_alive), v("parent_pools", parent_pools);
  }
};

// Known to be of a process that the program started, and not of the program itself.
[[nodiscard]] inline bool is_child(const Fork& fork) {
  return !fork.origin.empty() && fork.origin != "root";
}

struct Program {
  std::vector<std::string> argv;
  std::vector<std::string> command;  // that Segwhy was asked to run: of the first process, whoever died
  std::string cwd;
  int pid = 0;
  std::string executable;
  std::string python;                              // version, "3.8.18"; empty when not a Python process
  std::map<std::string, std::string> packages;     // distribution: version, of the loaded extension modules
  std::map<std::string, std::string> environment;  // the short list that matters
  Fork fork;
  std::optional<double> age_s;
  std::vector<Module> modules;
  std::optional<bool> finalizing;     // the interpreter is shutting down
  std::optional<bool> main_finished;  // the program's own main code has returned

  template <class V>
  void fields(V& v) {
    v("argv", argv), v("command", command), v("cwd", cwd), v("pid", pid), v("executable", executable),
        v("python", python);
    v("packages", packages), v("environment", environment), v("fork", fork), v("age_s", age_s), v("modules", modules);
    v("finalizing", finalizing), v("main_finished", main_finished);
  }
};

// The least and the largest number of an integer tensor, each with its position, counted from 0 in row-major order.
struct NumberRange {
  std::int64_t least = 0, most = 0;
  std::uint64_t least_at = 0, most_at = 0;
  std::uint64_t looked_at = 0;  // of the first so many numbers

  template <class V>
  void fields(V& v) {
    v("least", least), v("most", most), v("least_at", least_at), v("most_at", most_at), v("looked_at", looked_at);
  }
};

struct TensorInfo {
  std::string name;   // "input 1", "output 0"
  std::string dtype;  // "float32"
  std::optional<std::vector<std::int64_t>> shape;
  std::optional<Address> buffer;
  std::optional<std::uint64_t> bytes;
  std::string preview;               // first values, when small and readable
  std::optional<NumberRange> range;  // of integers, where the preview does not show all of them

  template <class V>
  void fields(V& v) {
    v("name", name), v("dtype", dtype), v("shape", shape), v("buffer", buffer), v("bytes", bytes),
        v("preview", preview), v("range", range);
  }
};

struct SourceLine {
  std::string file;
  std::optional<int> line;
  std::string function;
  std::string source;

  template <class V>
  void fields(V& v) {
    v("file", file), v("line", line), v("function", function), v("source", source);
  }
};

struct Framework {
  std::string name;  // "tensorflow", "torch"
  std::string version;
  std::string op;    // op type: "SparseCountSparseOutput"
  std::string node;  // name in the graph or of the eager call
  std::string device;
  std::string phase;     // "eager", "graph", "shape-inference", "import"...
  std::string function;  // whose graph the node is in: "__inference_train_step_42"
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;                // that had been made
  std::map<std::string, std::string> attributes;  // of the node: "strides": "[1, 2, 2, 1]"
  // How the op is known: "kernel-object", "native-frame", "python-frame", "node-def", "error-text".
  std::string found_by;
  std::string confidence;  // "certain", "likely", "possible": of `op`
  std::optional<SourceLine> created_at;
  std::vector<std::string> notes;  // facts for the report, one sentence each

  template <class V>
  void fields(V& v) {
    v("name", name), v("version", version), v("op", op), v("node", node), v("device", device), v("phase", phase);
    v("function", function), v("inputs", inputs), v("outputs", outputs), v("attributes", attributes);
    v("found_by", found_by), v("confidence", confidence), v("created_at", created_at), v("notes", notes);
  }
};

// --- limits and the machine --------------------------------------------------------------------------------------

struct Limit {
  std::optional<std::uint64_t> soft, hard;  // absent: unlimited

  template <class V>
  void fields(V& v) {
    v("soft", soft), v("hard", hard);
  }
};

struct Cgroup {
  std::string path;
  std::string version;                        // "1", "2"
  std::optional<std::uint64_t> memory_limit;  // the tightest on the way to the root
  std::optional<std::uint64_t> memory_current, memory_peak;
  std::optional<std::uint64_t> oom_kills_before, oom_kills_after;  // at the start of the run and after the death
  std::optional<std::uint64_t> pids_limit, pids_current;
  std::optional<std::uint64_t> pids_refused_before, pids_refused_after;  // pids.events max

  template <class V>
  void fields(V& v) {
    v("path", path), v("version", version), v("memory_limit", memory_limit), v("memory_current", memory_current);
    v("memory_peak", memory_peak), v("oom_kills_before", oom_kills_before), v("oom_kills_after", oom_kills_after);
    v("pids_limit", pids_limit), v("pids_current", pids_current), v("pids_refused_before", pids_refused_before);
    v("pids_refused_after", pids_refused_after);
  }
};

struct Machine {
  std::string os;  // PRETTY_NAME
  std::string kernel;
  std::string cpu;
  std::uint32_t cpus = 0;
  std::optional<std::uint64_t> memory_total, memory_available, swap_total, swap_free;
  std::optional<std::uint64_t> oom_kills_before, oom_kills_after;  // /proc/vmstat oom_kill, the whole machine
  std::optional<double> oom_kills_window_s;                        // between these two
  std::map<std::string, Limit> limits;  // "as", "data", "stack", "nproc", "nofile", "core", "memlock"
  std::optional<std::uint64_t> threads, threads_max, pid_max;  // of the process; kernel.threads-max; kernel.pid_max
  std::optional<std::uint64_t> user_threads;                   // of this user, counted against RLIMIT_NPROC
  std::optional<std::uint64_t> mappings, mappings_max;
  std::optional<std::uint64_t> shm_total, shm_free;  // /dev/shm as the process sees it
  std::optional<int> overcommit;                     // vm.overcommit_memory
  std::optional<Cgroup> cgroup;
  std::vector<MemorySample> samples;  // ascending; the last ones before the death
  std::optional<std::uint64_t> peak_rss;

  template <class V>
  void fields(V& v) {
    v("os", os), v("kernel", kernel), v("cpu", cpu), v("cpus", cpus), v("memory_total", memory_total);
    v("memory_available", memory_available), v("swap_total", swap_total), v("swap_free", swap_free);
    v("oom_kills_before", oom_kills_before), v("oom_kills_after", oom_kills_after);
    v("oom_kills_window_s", oom_kills_window_s), v("limits", limits), v("threads", threads),
        v("threads_max", threads_max), v("pid_max", pid_max), v("user_threads", user_threads);
    v("mappings", mappings), v("mappings_max", mappings_max), v("shm_total", shm_total), v("shm_free", shm_free);
    v("overcommit", overcommit), v("cgroup", cgroup), v("samples", samples), v("peak_rss", peak_rss);
  }
};

struct ThreadCreateFailure {
  int error = 0;  // errno
  std::uint32_t live_threads = 0;

  template <class V>
  void fields(V& v) {
    v("error", error), v("live_threads", live_threads);
  }
};

// How the evidence was gathered, and what is missing for what reason.
struct CaptureInfo {
  std::string backend;              // "ptrace", "handler", "core" or "none" (only the status is known)
  std::vector<std::string> limits;  // sentences: "memory could not be read: ptrace refused (Operation not permitted)"
  double capture_ms = 0, total_ms = 0;
  std::string protection;  // --protect mode in force
  std::string segwhy_version;

  template <class V>
  void fields(V& v) {
    v("backend", backend), v("limits", limits), v("capture_ms", capture_ms), v("total_ms", total_ms);
    v("protection", protection), v("segwhy_version", segwhy_version);
  }
};

// --- who waits for whom ------------------------------------------------------------------------------------------

struct ThreadRef {
  int pid = 0;
  int tid = 0;  // 0: any other thread of the process

  template <class V>
  void fields(V& v) {
    v("pid", pid), v("tid", tid);
  }
};

// A thread that waits for something that will never come: everyone who could end the wait is stuck, too.
struct StuckThread {
  int pid = 0, tid = 0;
  // "mutex", "lock" (semaphore, condition variable...), "shared-lock" (one in memory that processes share), "join",
  // "gil", "child", "read", "write", "poll" or "file-lock"
  std::string kind;
  std::string object;                 // "pipe 4711", "process 4712", "thread 4713"; empty when it has no name
  std::vector<ThreadRef> wakers;      // everyone who could end the wait
  bool named = false;                 // what is waited for names its wakers; else they are all who can reach it
  std::optional<int> absent_holder;   // the thread that holds the mutex, and is none of the process
  std::optional<std::uint32_t> knot;  // number of the group whose members wait for nobody but each other

  template <class V>
  void fields(V& v) {
    v("pid", pid), v("tid", tid), v("kind", kind), v("object", object), v("wakers", wakers), v("named", named);
    v("absent_holder", absent_holder), v("knot", knot);
  }
};

// Another process of the run, as it was when the one that died was looked at.
struct OtherProcess {
  int pid = 0;
  Fork fork;
  std::vector<Thread> threads;  // the main one first

  template <class V>
  void fields(V& v) {
    v("pid", pid), v("fork", fork), v("threads", threads);
  }
};

struct Case {
  std::string schema = "segwhy.case/1";
  Program program;
  Death death;
  std::vector<Thread> threads;  // the crashed one first
  std::optional<Fault> fault;
  Messages messages;
  std::optional<Framework> framework;
  // At the fault address, or of the finding that explains the death.
  std::optional<Block> block;
  std::vector<MemoryFinding> findings;  // what the runtime found wrong, in the order of their discovery
  std::vector<BlockAccess> accesses;    // the last ones to `block`, latest first
  std::optional<ProtectionSummary> protection;
  std::optional<MemoryUse> memory;  // where it went, by call site
  Machine machine;
  std::optional<ThreadCreateFailure> thread_create_failure;
  std::vector<OtherProcess> processes;  // parents and children that bear on the death
  std::vector<StuckThread> stuck;       // of this and the other processes
  CaptureInfo capture;

  template <class V>
  void fields(V& v) {
    v("schema", schema), v("program", program), v("death", death), v("threads", threads), v("fault", fault);
    v("messages", messages), v("framework", framework), v("block", block), v("findings", findings),
        v("accesses", accesses);
    v("protection", protection), v("memory", memory), v("machine", machine);
    v("thread_create_failure", thread_create_failure), v("processes", processes), v("stuck", stuck);
    v("capture", capture);
  }
};

// The thread that died, or nullptr when no thread was captured.
[[nodiscard]] inline const Thread* crashed_thread(const Case& c) {
  for (const Thread& t : c.threads)
    if (t.crashed) return &t;
  return nullptr;
}

}  // namespace segwhy
