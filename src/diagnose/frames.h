// What kind of code a native frame is, told by its name: plumbing that every death passes through, waiting, the
// interpreter's shutdown, the allocator. Names are those of glibc, libstdc++, libgcc and CPython.
//
// Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "evidence/model/case.h"

namespace segwhy {

// The bare function name: no arguments, no "__GI_" or ".part.0" dressing. Empty when unknown.
[[nodiscard]] std::string_view plain_name(const NativeFrame& frame);

[[nodiscard]] bool is_libc(const NativeFrame& frame);
// libpython or a python executable.
[[nodiscard]] bool is_interpreter(const NativeFrame& frame);

enum class FrameRole {
  kNone,         // somebody's own code
  kAbort,        // raise, abort, kill; Segwhy's own functions; the signal frame
  kLibcCheck,    // the C library's failing checks: assert, fortify, malloc's
  kTerminate,    // the C++ runtime between a throw and the end
  kFatalLog,     // a logging library's fatal message
  kPythonFatal,  // Py_FatalError and its kin
  kMemory,       // memcpy, strlen...
  kAllocator,    // malloc, free and their helpers; CPython's small-block allocator
  kForeignCall   // ctypes, cffi, libffi
};
[[nodiscard]] FrameRole role_of(const NativeFrame& frame);

// raise, abort, terminate, the failing assert: how a process ends itself, never why.
[[nodiscard]] bool is_abort_plumbing(const NativeFrame& frame);
// memcpy, strlen...: does what its caller told it.
[[nodiscard]] bool is_memory_routine(const NativeFrame& frame);
// What runs main() or a thread: every stack ends in it.
[[nodiscard]] bool is_start_up(const NativeFrame& frame);
// Inside malloc, free and their helpers (glibc), or CPython's small-block allocator.
[[nodiscard]] bool is_allocator(const NativeFrame& frame);
// Segwhy's own library in the program, which stands in for malloc and free.
[[nodiscard]] bool is_stand_in(const NativeFrame& frame);
// "ctypes", "cffi" or "libffi" (for whom is not known): hands calls between Python and C over; else empty.
[[nodiscard]] std::string_view foreign_interface(const NativeFrame& frame);
[[nodiscard]] bool is_foreign_call(const NativeFrame& frame);
// The interpreter died while it entered or left a Python function that C code called through ctypes or cffi, before any
// other native code was called: what the C code called may be gone.
[[nodiscard]] bool in_foreign_callback(const Thread& thread);
// CPython's reference counting and cycle collector at work on objects.
[[nodiscard]] bool is_object_teardown(const NativeFrame& frame);

// What a thread is doing when it waits; kRunning for anything else.
enum class Wait { kRunning, kLock, kChild, kPipe, kSleep, kInput };
[[nodiscard]] Wait wait_of(const Thread& thread);

// Shutdown: exit handlers, static destructors or interpreter finalisation on the stack; `frame` names it. Waiting for
// the program's own threads and running atexit callbacks are not shutdown yet.
struct Shutdown {
  const NativeFrame* frame = nullptr;
  bool static_destructors = false;  // exit handlers of the C library, not the interpreter
  bool python_callback = false;     // in a function registered with atexit
};
[[nodiscard]] Shutdown shutdown_of(const Thread& thread);

// A function of that bare name is on the thread's stack.
[[nodiscard]] bool is_calling(const Thread& thread, std::string_view function);

// The signal handler that the thread was in: the frame that the signal's delivery called, and what it interrupted.
// Neither where the thread was in none, or in one of Segwhy's or the C library's own.
struct Handler {
  const NativeFrame* function = nullptr;
  const NativeFrame* interrupted = nullptr;
};
[[nodiscard]] Handler handler_of(const Thread& thread);

// abort() was called from inside the C library, as its own checks do; also true when the stack does not show it.
[[nodiscard]] bool libc_called_abort(const Thread& thread);

// The frame to blame: the innermost that is neither plumbing nor a memory routine. When Python called such a routine
// through a foreign function interface there is no such frame, and the routine itself is named.
struct Culprit {
  const NativeFrame* frame = nullptr;  // nullptr when there is none
  std::string_view called_through;     // "ctypes", "cffi", "libffi" or empty
};
[[nodiscard]] Culprit culprit_of(const Thread& thread);
[[nodiscard]] const NativeFrame* culprit_frame(const Thread& thread);

// For sentences: "Foo::Bar" or "an unnamed function of libx.so" or "code outside every library at 0x...".
[[nodiscard]] std::string describe(const NativeFrame& frame);

// "the main thread", "thread 4250 \"tf_Compute\"".
[[nodiscard]] std::string thread_name(const Thread& thread);

}  // namespace segwhy
