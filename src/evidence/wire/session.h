// The shared memory through which a monitored process and the monitor talk. Both sides map the same memfd.
//
// One session serves a whole process tree: the monitor makes the memfd before it starts the program; each process
// of the tree maps it when the runtime initialises (a forked child inherits the mapping) and claims a
// ProcessRecord. Nothing here is a pointer of the reader's: addresses are the writer's, as numbers.
//
// Concurrency: fields marked `atomic` are accessed by both sides with __atomic builtins; the others belong to
// whoever the `state` beside them says. Every reader must treat the contents as hostile (a broken program may have
// scribbled over the mapping): indices are checked against the constants below, text is bounded and not terminated.
//
// Hand-over of a crash, step by step. All futexes are shared (no FUTEX_PRIVATE_FLAG).
//   handler: claims a CrashRecord (kCrashFree -> kCrashFilling), fills it, kCrashReady, +1 on `doorbell` and a wake,
//            then waits on `request`.
//   monitor: kCrashReady -> kCrashTaken with compare-and-swap. Asks for what it needs: writes the service fields, then
//            `request`, wakes `request`. The handler serves, sets `request` back to kRequestNone and wakes `request`,
//            on which the monitor waits in turn.
//   monitor: state = kCrashReleased, request = kRequestRelease, wake. The handler sets kRequestNone as its last touch
//            of the record and goes on. The monitor frees the slot (kCrashFree) once `request` is kRequestNone again
//            or the thread is gone; nobody else ever frees one.
//   A handler that gives up (the monitor died, or crash_wait_ms have passed) sets kCrashReleased itself and never
//   touches the record again; the evidence stays readable until the monitor frees the slot.
// A ProcessRecord, and the StderrRing it names, is freed by the monitor once the process is gone (ring: owner_pid = 0).
//
// Zero bytes are the valid initial state of every record. Changing any layout means a new kVersion.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace segwhy::wire {

inline constexpr uint64_t kMagic = 0x0079687767655301;  // "\1Segwhy\0"
inline constexpr uint32_t kVersion = 5;

inline constexpr uint32_t kMaxProcesses = 256;
inline constexpr uint32_t kMaxCrashes = 8;
inline constexpr uint32_t kMaxRings = 64;
inline constexpr uint32_t kRingBytes = 64 * 1024;
inline constexpr uint32_t kMaxThreadContexts = 512;
inline constexpr uint32_t kServiceBytes = 32 * 1024;
inline constexpr uint32_t kAbortTextBytes = 2048;
inline constexpr uint32_t kSigInfoBytes = 128;  // siginfo_t of Linux, x86-64 and AArch64
inline constexpr uint32_t kMaxChildStatuses = 64;
inline constexpr uint32_t kMaxThreadStarts = 16;

// The environment variable that carries "PID:FD" of the memfd: the runtime opens /proc/PID/fd/FD. The first process
// also inherits the descriptor itself, named in kEnvInheritedFd, so that it does not need /proc; the runtime closes
// it before main.
inline constexpr char kEnvSession[] = "SEGWHY_SESSION";
inline constexpr char kEnvInheritedFd[] = "SEGWHY_SESSION_FD";

// General registers at a point of execution, x86-64, by name so that no reader depends on an index order.
struct RegisterSet {
  uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
  uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
  uint64_t rip, eflags, fs_base, gs_base;
  // The CPU's account of a fault, from the signal frame; zero elsewhere.
  uint64_t trap_number, page_fault_error, cr2;
};
static_assert(sizeof(RegisterSet) == 23 * 8);

enum ProcessState : uint32_t {
  kProcessFree = 0,     // may be claimed with compare-and-swap
  kProcessClaimed = 1,  // the process is filling it
  kProcessLive = 2,     // complete; the monitor frees it once the process is gone
  kProcessKept = 3,     // gone; its area of the flight recorder may still be read. The monitor frees it
};

enum ProcessOrigin : uint32_t {
  kOriginRoot = 0,  // started by the monitor
  kOriginFork = 1,  // fork without exec
  kOriginExec = 2,  // a new program image in a monitored process or in a child of one
};

enum RuntimeFlag : uint64_t {
  kRuntimeHandlersInstalled = 1,
};

// What a parent's wait call learnt about a child: the only account of a child that died without a handler running
// (SIGKILL), since the monitor is not its parent.
struct ChildStatus {
  uint32_t pid;    // 0: unused
  int32_t status;  // as wait(2) encodes it
};

// Threads that began in one routine for one purpose: which library's they are.
struct ThreadStart {
  uint64_t routine;  // what pthread_create was told to run
  // The first word of its argument, 0 when there is none: std::thread passes an object whose virtual table is the
  // caller's, while the routine is the C++ library's.
  uint64_t argument_word;
  uint32_t live;  // atomic; threads of it that have not ended, 0: the entry is free
  uint32_t reserved;
};
static_assert(sizeof(ThreadStart) == 24);

struct ProcessRecord {
  uint32_t state;  // atomic, ProcessState
  uint32_t pid;    // as the process itself sees it
  uint32_t parent_pid;
  uint32_t origin;           // ProcessOrigin
  uint32_t generation;       // atomic; +1 per claim and exec, so that a reused slot is not taken for the old one
  uint32_t ring;             // atomic; index+1 of its StderrRing, 0: none
  uint32_t live_threads;     // atomic; threads made by pthread_create that have not ended, the main one not counted
  uint32_t threads_at_fork;  // of the parent, at the fork that made this process; meaningful for kOriginFork
  uint64_t start_ns;         // CLOCK_MONOTONIC
  // The last pthread_create that failed: errno (0: none), and live_threads then.
  uint32_t thread_create_errno;
  uint32_t thread_create_count;
  // A terminating signal (SIGTERM, ...) that arrived while its action was the default one, and who sent it. It is also
  // handed over as a CrashRecord, so that what the program was doing can be captured, unless another process of this
  // session sent it (a pool that ends its workers): then this is the only account.
  uint32_t kill_signal;  // 0: none
  uint32_t kill_sender_pid;
  uint32_t kill_sender_uid;
  int32_t kill_code;       // si_code
  uint64_t runtime_flags;  // RuntimeFlag
  uint32_t next_child;     // atomic; position in `children`, taken modulo kMaxChildStatuses
  uint32_t reserved;
  ChildStatus children[kMaxChildStatuses];
  ThreadStart starts[kMaxThreadStarts];         // of the threads in live_threads; those that find no entry are missing
  ThreadStart parent_starts[kMaxThreadStarts];  // of the parent, at the fork that made this process
};
static_assert(sizeof(ProcessRecord) == 80 + 8 * kMaxChildStatuses + 2 * 24 * kMaxThreadStarts);

// The last bytes written to descriptor 2 (text beyond kRingBytes overwrites the oldest). `written` counts all bytes
// ever; concurrent writers may tear each other's text, never the bounds.
struct StderrRing {
  uint32_t owner_pid;  // atomic; 0: free
  uint32_t reserved;
  uint64_t written;  // atomic
  uint8_t text[kRingBytes];
};
static_assert(sizeof(StderrRing) == 16 + kRingBytes);

enum CrashState : uint32_t {
  kCrashFree = 0,
  kCrashFilling = 1,   // claimed by a signal handler
  kCrashReady = 2,     // handed over: the handler waits on `request`
  kCrashTaken = 3,     // the monitor works on it
  kCrashReleased = 4,  // the monitor is done (the handler has gone on or will); the monitor frees the slot
};

// What the waiting handler can be asked to do. One request at a time; the handler sets `request` back to kRequestNone
// and wakes the monitor when it is done.
enum CrashRequest : uint32_t {
  kRequestNone = 0,
  kRequestRelease = 1,         // go on: the signal takes its course
  kRequestReadMemory = 2,      // copy service_size bytes from service_address into `service`; see service_copied
  kRequestThreadContexts = 3,  // make every other thread store its registers in `threads`
};

struct ThreadContext {
  uint32_t tid;    // 0: unused
  uint32_t state;  // atomic; 1: registers are complete
  RegisterSet registers;
};
static_assert(sizeof(ThreadContext) == 8 + sizeof(RegisterSet));

// One thread that received a fatal signal and waits for the monitor.
struct CrashRecord {
  uint32_t state;    // atomic, CrashState
  uint32_t request;  // atomic futex word, CrashRequest
  uint32_t pid;
  uint32_t tid;
  int32_t signal;
  // 1: the program has a handler of its own for this signal, so it may survive: report only if it dies.
  uint32_t has_application_handler;
  // 1: the fault is in the runtime's own code.
  uint32_t in_runtime;
  // CrashRecord index+1 of an earlier fault on the same thread that this signal follows from (a handler that faulted,
  // or faulthandler raising the signal again); 0: none.
  uint32_t follows;
  uint64_t time_ns;           // CLOCK_MONOTONIC
  uint64_t ucontext_address;  // in the process: lets the monitor read the rest (floating-point state)
  uint64_t siginfo_address;
  uint64_t signal_mask;  // blocked signals of the thread, bit n-1 for signal n
  uint64_t alternate_stack_base, alternate_stack_size;
  uint64_t abort_text_address;  // where glibc's __abort_msg points, 0: none
  uint32_t abort_text_size;     // bytes valid in abort_text
  uint32_t thread_context_count;
  uint64_t service_address;
  uint32_t service_size;
  uint32_t service_copied;  // leading bytes valid after kRequestReadMemory
  uint8_t siginfo[kSigInfoBytes];
  RegisterSet registers;
  uint8_t abort_text[kAbortTextBytes];
  ThreadContext threads[kMaxThreadContexts];
  uint8_t service[kServiceBytes];
  // Not 0: exact mode trapped a wrong access, which is entry access_finding-1 of wire/accesses.h. The program was not
  // going to die of it and goes on; the registers are those before the instruction. With kHeapFinding set: the heap
  // found something wrong (wire/blocks.h), and the registers are the runtime's own.
  uint32_t access_finding;
  uint32_t reserved;
};
static_assert(offsetof(CrashRecord, siginfo) == 112);

struct Session {
  uint64_t magic;
  uint32_t version;
  uint32_t size;  // sizeof(Session)
  // A glibc pthread_mutex_t (robust, process-shared) that the monitor holds as long as it lives; its first word is the
  // futex. When the monitor dies the kernel sets FUTEX_OWNER_DIED in it: how a waiting handler knows at once.
  uint32_t monitor_mutex[16];
  uint32_t monitor_pid;
  uint32_t doorbell;  // atomic futex word; +1 and a wake whenever the monitor should look at the records
  // How long a handler waits at most for the monitor before the signal takes its course, milliseconds.
  uint32_t crash_wait_ms;
  // Fatal signals the program handles itself are captured this many times per process before they are only noted.
  uint32_t handled_capture_limit;
  uint32_t lost_processes;  // atomic; processes that found no free ProcessRecord
  uint32_t lost_crashes;    // atomic; fatal signals that found no free CrashRecord
  // What the runtime is asked to protect (wire/recorder.h), and how much CPU time that may take.
  uint32_t protect;  // ProtectMode
  uint32_t budget_permille;
  uint64_t areas_offset;  // of the flight recorder's areas in the file; 0: there are none
  // Accounting of live memory by call site (wire/sites.h): blocks of this size and more are counted one by one, smaller
  // ones are sampled, one in so many bytes. 0: no accounting.
  uint64_t account_bytes;
  uint64_t reserved[3];
  ProcessRecord processes[kMaxProcesses];
  CrashRecord crashes[kMaxCrashes];
  StderrRing rings[kMaxRings];
};
static_assert(offsetof(Session, processes) == 152);
static_assert(sizeof(Session) < 8u << 20, "the mapping counts against RLIMIT_AS of the monitored program");

}  // namespace segwhy::wire
