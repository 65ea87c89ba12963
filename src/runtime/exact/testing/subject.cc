// The program that the tests run plain and in exact mode: each command does one thing with aligned buffers, as
// frameworks allocate their tensors, and prints what it computed.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

namespace {

// Not inlined, so that each access below is an instruction of its own and the compiler knows nothing of the sizes.
__attribute__((noinline)) void store(volatile char* bytes, long offset, char value) {
  bytes[offset] = value;
}
__attribute__((noinline)) char load(const volatile char* bytes, long offset) {
  return bytes[offset];
}

char* tensor(size_t size) {
  void* memory = nullptr;
  if (posix_memalign(&memory, 64, size) != 0) abort();
  return static_cast<char*>(memory);
}

// Everything that is allowed: the whole of blocks of many sizes, through libc and by hand, freed and moved.
int behave() {
  unsigned sum = 0;
  for (size_t size = 1; size < 20'000; size = size * 5 / 3 + 1) {
    char* bytes = tensor(size);
    memset(bytes, static_cast<int>(size & 0x7f), size);
    for (size_t i = 0; i < size; i += 7) sum += static_cast<unsigned>(load(bytes, static_cast<long>(i)));
    bytes = static_cast<char*>(realloc(bytes, size + 100));
    sum += static_cast<unsigned>(load(bytes, static_cast<long>(size) - 1));
    free(bytes);
    void* const zeroed = aligned_alloc(64, (size + 63) & ~size_t{63});
    memset(zeroed, 0, size);
    free(zeroed);
  }
  char* const large = static_cast<char*>(calloc(1, 1 << 20));
  for (size_t i = 0; i < 1 << 20; i += 4099) sum += static_cast<unsigned>(load(large, static_cast<long>(i)));
  free(large);
  printf("%u\n", sum);
  return 0;
}

int write_behind() {
  char* const bytes = tensor(20);
  store(bytes, 19, 1);
  store(bytes, 20, 1);
  printf("%d\n", load(bytes, 19));
  free(bytes);
  return 3;
}

// A kernel's own buffer, behind its tensor.
int read_behind_object() {
  free(tensor(8));
  char* const numbers = new char[20];
  memset(numbers, 1, 20);
  printf("%d\n", load(numbers, 19));
  (void)load(numbers, 20);
  delete[] numbers;
  return 0;
}

int read_before() {
  char* const bytes = tensor(24);
  memset(bytes, 1, 24);
  printf("%d\n", load(bytes, 0));
  (void)load(bytes, -8);
  free(bytes);
  return 0;
}

int read_after_free() {
  char* const bytes = tensor(24);
  store(bytes, 3, 1);
  free(bytes);
  (void)load(bytes, 3);
  printf("survived\n");
  return 0;
}

int free_twice() {
  char* const bytes = tensor(24);
  free(bytes);
  fflush(stdout);
  char* volatile again = bytes;
  free(again);
  return 0;
}

void* add_up(void* raw) {
  auto* const counter = static_cast<unsigned long*>(raw);
  for (int i = 0; i < 2000; ++i) __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
  return nullptr;
}

int share() {
  auto* const counter = reinterpret_cast<unsigned long*>(tensor(8));
  *counter = 0;
  pthread_t threads[4];
  for (pthread_t& thread : threads) pthread_create(&thread, nullptr, &add_up, counter);
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  printf("%lu\n", *counter);
  return 0;
}

int fork_and_overflow() {
  char* const bytes = tensor(24);
  memset(bytes, 1, 24);
  const pid_t child = fork();
  if (child == 0) {
    store(bytes, 0, 2);
    store(bytes, 30, 2);
    _exit(load(bytes, 0) == 2 ? 5 : 6);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("%d %d\n", WEXITSTATUS(status), load(bytes, 0));
  return 0;
}

sigjmp_buf back;

void recover(int) {
  siglongjmp(back, 1);
}

// A program that catches its own faults keeps doing so.
int catch_own_fault() {
  signal(SIGSEGV, &recover);
  char* const bytes = tensor(24);
  memset(bytes, 1, 24);
  if (sigsetjmp(back, 1) == 0) store(reinterpret_cast<volatile char*>(load(bytes, 0)), 0x10, 1);
  printf("recovered %d\n", load(bytes, 5));
  return 0;
}

int read_pipe() {
  int ends[2];
  if (pipe(ends) != 0 || write(ends[1], "input", 5) != 5) return 1;
  char* const bytes = tensor(64);
  const ssize_t got = read(ends[0], bytes, 64);
  printf("%zd %.*s\n", got, static_cast<int>(got > 0 ? got : 0), bytes);
  return 0;
}

volatile sig_atomic_t seen_on_stack;
void see(int) {
  char here = 0;
  volatile char* const address = &here;
  seen_on_stack = seen_on_stack + (*address == 0 ? 1 : 0);
}

// Blocks as stacks: of signals, as CPython's faulthandler has one, and of threads.
int use_as_stacks() {
  constexpr size_t kBytes = size_t{256} << 10;
  char* const signals = tensor(kBytes);
  const stack_t stack{signals, 0, kBytes};
  struct sigaction action {};
  action.sa_handler = &see;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, nullptr);
  if (sigaltstack(&stack, nullptr) != 0) return 1;
  raise(SIGUSR1);
  char* const bytes = tensor(24);  // a watched access while signals go to a block
  memset(bytes, 7, 24);
  unsigned long counter = 0;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, tensor(kBytes), kBytes);
  pthread_t thread{};
  const int started = pthread_create(&thread, &attributes, &add_up, &counter);
  if (started == 0) pthread_join(thread, nullptr);
  stack_t before{};
  sigaltstack(nullptr, &before);
  printf("%d %d %lu %d %d\n", static_cast<int>(seen_on_stack), started, counter, load(bytes, 3),
         before.ss_sp == signals);
  return 0;
}

// Buffers that the kernel finds through arrays of pointers, from plain memory.
int send_vectors() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 1;
  char* const bytes = tensor(64);
  memcpy(bytes, "tensor", 6);
  char plain[] = "plain";
  iovec vectors[2] = {{plain, 5}, {bytes, 6}};
  msghdr message{};
  message.msg_iov = vectors;
  message.msg_iovlen = 2;
  const ssize_t sent = writev(ends[0], vectors, 2) + sendmsg(ends[0], &message, 0);
  iovec room[2] = {{bytes + 10, 11}, {bytes + 40, 11}};
  message.msg_iov = room;
  const ssize_t got = readv(ends[1], room, 1) + recvmsg(ends[1], &message, 0);
  printf("%zd %zd %.11s %.11s\n", sent, got, bytes + 10, bytes + 40);
  iovec nowhere{reinterpret_cast<void*>(uintptr_t{1} << 20), 10};
  printf("%zd %s\n", writev(ends[0], &nowhere, 1), strerror(errno));
  return 0;
}

// What this program executes inherits the filter, and is in exact mode again when `name` is this program.
int execute(const char* name) {
  const char* const arguments[] = {name, "send-vectors", nullptr};
  execv(name, const_cast<char* const*>(arguments));
  return 1;
}
int execute_itself() {
  return execute("/proc/self/exe");
}
int execute_another() {
  unsetenv("LD_PRELOAD");
  return execute("/proc/self/exe");
}

// A sandbox of the program's own: a filter that traps a call, and a handler that answers it.
void answer_call(int, siginfo_t*, void* raw) {
  static_cast<ucontext_t*>(raw)->uc_mcontext.gregs[REG_RAX] = 4242;
}
int trap_own_calls() {
  struct sigaction action {};
  action.sa_sigaction = &answer_call;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSYS, &action, nullptr);
  sock_filter code[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
                        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_getppid},
                        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_TRAP},
                        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
  const sock_fprog program{4, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
    return 1;
  }
  char* const bytes = tensor(64);
  printf("%ld\n", syscall(SYS_getppid));
  printf("%zd\n", getrandom(bytes, 64, 0));
  return 0;
}

struct Command {
  const char* name;
  int (*run)();
};
constexpr Command kCommands[] = {{"behave", &behave},
                                 {"trap-own-calls", &trap_own_calls},
                                 {"send-vectors", &send_vectors},
                                 {"execute-itself", &execute_itself},
                                 {"execute-another", &execute_another},
                                 {"write-behind", &write_behind},
                                 {"read-behind-object", &read_behind_object},
                                 {"read-before", &read_before},
                                 {"read-after-free", &read_after_free},
                                 {"free-twice", &free_twice},
                                 {"share", &share},
                                 {"fork-and-overflow", &fork_and_overflow},
                                 {"catch-own-fault", &catch_own_fault},
                                 {"use-as-stacks", &use_as_stacks},
                                 {"read-pipe", &read_pipe}};

}  // namespace

int main(int argc, char** argv) {
  for (const Command& command : kCommands) {
    if (argc > 1 && strcmp(command.name, argv[1]) == 0) return command.run();
  }
  return 2;
}
