#include "capture/fake_handler.h"

#include <dirent.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "capture/procfs.h"

namespace segwhy::testing_support {
namespace {

using wire::CrashRecord;

wire::Session* g_session = nullptr;
FakeHandlerOptions g_options;
CrashRecord* g_collecting = nullptr;

void store(std::uint32_t& word, std::uint32_t value) {
  __atomic_store_n(&word, value, __ATOMIC_RELEASE);
}
std::uint32_t load(const std::uint32_t& word) {
  return __atomic_load_n(&word, __ATOMIC_ACQUIRE);
}
void wake(std::uint32_t& word) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void read_registers(const ucontext_t& context, wire::RegisterSet& out) {
  const auto reg = [&](int index) { return static_cast<std::uint64_t>(context.uc_mcontext.gregs[index]); };
  out.rax = reg(REG_RAX), out.rdx = reg(REG_RDX), out.rcx = reg(REG_RCX), out.rbx = reg(REG_RBX);
  out.rsi = reg(REG_RSI), out.rdi = reg(REG_RDI), out.rbp = reg(REG_RBP), out.rsp = reg(REG_RSP);
  out.r8 = reg(REG_R8), out.r9 = reg(REG_R9), out.r10 = reg(REG_R10), out.r11 = reg(REG_R11);
  out.r12 = reg(REG_R12), out.r13 = reg(REG_R13), out.r14 = reg(REG_R14), out.r15 = reg(REG_R15);
  out.rip = reg(REG_RIP), out.eflags = reg(REG_EFL), out.cr2 = reg(REG_CR2);
  out.trap_number = reg(REG_TRAPNO), out.page_fault_error = reg(REG_ERR);
}

void store_context(int, siginfo_t*, void* raw) {
  CrashRecord* record = g_collecting;
  const auto tid = static_cast<std::uint32_t>(::gettid());
  for (std::uint32_t i = 0; i < record->thread_context_count; ++i) {
    if (record->threads[i].tid != tid) continue;
    read_registers(*static_cast<ucontext_t*>(raw), record->threads[i].registers);
    store(record->threads[i].state, 1);
  }
}

void collect(CrashRecord& record) {
  struct sigaction action {};
  action.sa_sigaction = store_context;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  ::sigaction(SIGRTMIN + 1, &action, nullptr);
  g_collecting = &record;
  std::uint32_t count = 0;
  for (const int tid : list_tasks(::getpid())) {
    if (tid == ::gettid() || count == wire::kMaxThreadContexts) continue;
    record.threads[count].state = 0;
    record.threads[count++].tid = static_cast<std::uint32_t>(tid);
  }
  record.thread_context_count = count;
  for (std::uint32_t i = 0; i < count; ++i) {
    ::syscall(SYS_tgkill, ::getpid(), record.threads[i].tid, SIGRTMIN + 1);
    while (load(record.threads[i].state) == 0) {
    }
  }
}

void copy_memory(CrashRecord& record) {
  record.service_copied = 0;
  std::uint32_t page = 0;
  while (record.service_copied < record.service_size) {
    const std::uint64_t from = record.service_address + record.service_copied;
    page = static_cast<std::uint32_t>(4096 - from % 4096);
    if (page > record.service_size - record.service_copied) page = record.service_size - record.service_copied;
    const iovec local{record.service + record.service_copied, page};
    const iovec remote{reinterpret_cast<void*>(from), page};
    if (::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0) != page) return;
    record.service_copied += page;
  }
}

void serve(CrashRecord& record, std::uint32_t request) {
  if (g_options.dies_when_asked) ::kill(::getpid(), SIGKILL);
  if (request == wire::kRequestThreadContexts) collect(record);
  if (request == wire::kRequestReadMemory) copy_memory(record);
  store(record.request, wire::kRequestNone);
  wake(record.request);
}

void handle(int signal, siginfo_t* info, void* raw) {
  CrashRecord* record = nullptr;
  for (CrashRecord& slot : g_session->crashes) {
    std::uint32_t expected = wire::kCrashFree;
    if (__atomic_compare_exchange_n(&slot.state, &expected, wire::kCrashFilling, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE)) {
      record = &slot;
      break;
    }
  }
  if (record == nullptr) ::_exit(9);
  record->pid = static_cast<std::uint32_t>(::getpid());
  record->tid = static_cast<std::uint32_t>(::gettid());
  record->signal = signal;
  std::memcpy(record->siginfo, info, sizeof record->siginfo);
  read_registers(*static_cast<ucontext_t*>(raw), record->registers);
  __asm__("mov %%fs:0, %0" : "=r"(record->registers.fs_base));
  store(record->state, wire::kCrashReady);
  for (std::uint32_t request = 0; (request = load(record->request)) != wire::kRequestRelease;) {
    if (request != wire::kRequestNone && g_options.serves) serve(*record, request);
    ::syscall(SYS_futex, &record->request, FUTEX_WAIT, wire::kRequestNone, nullptr, nullptr, 0);
  }
  ::_exit(100 + signal);
}

}  // namespace

void use_alternate_stack() {
  constexpr std::size_t kSize = 256 * 1024;
  stack_t stack{};
  stack.ss_sp = std::malloc(kSize);
  stack.ss_size = kSize;
  ::sigaltstack(&stack, nullptr);
}

void install_fake_handler(wire::Session& session, const FakeHandlerOptions& options) {
  g_session = &session;
  g_options = options;
  use_alternate_stack();
  struct sigaction action {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigaction(SIGSEGV, &action, nullptr);
}

}  // namespace segwhy::testing_support
