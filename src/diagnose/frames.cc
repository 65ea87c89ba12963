#include "diagnose/frames.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "base/text.h"

namespace segwhy {
namespace {

using Names = std::initializer_list<std::string_view>;

bool is_one_of(std::string_view name, Names names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool has_any(std::string_view name, Names names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view part) { return name.find(part) != std::string_view::npos; });
}

// Where the argument list starts: the first '(' that is not part of "(anonymous namespace)" or "operator()".
std::size_t arguments_start(std::string_view name) {
  for (std::size_t at = name.find('('); at != std::string_view::npos; at = name.find('(', at + 1)) {
    if (name.substr(at).starts_with("(anonymous namespace)")) continue;
    if (name.substr(at).starts_with("()") && name.substr(0, at).ends_with("operator")) {
      ++at;
      continue;
    }
    return at;
  }
  return name.size();
}

std::string_view unversioned(std::string_view name) {
  for (const std::string_view prefix : {"__GI_", "__libc_"})
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  for (const std::string_view suffix : {".part", ".cold", ".isra", ".constprop", "@"}) {
    const auto at = name.find(suffix);
    if (at != std::string_view::npos && at > 0) name = name.substr(0, at);
  }
  return name;
}

bool is_lock_wait(std::string_view name) {
  return has_any(name, {"futex_wait", "futex_abstimed_wait", "lll_lock_wait", "pthread_cond_wait",
                        "pthread_cond_timedwait", "pthread_cond_clockwait", "pthread_mutex_lock", "pthread_rwlock",
                        "sem_wait", "sem_timedwait", "sem_clockwait", "pthread_join", "pthread_clockjoin",
                        "pthread_timedjoin", "pthread_barrier_wait", "__lll_timedwait_tid"});
}

}  // namespace

std::string_view plain_name(const NativeFrame& frame) {
  const std::string& name = frame.function.empty() ? frame.symbol : frame.function;
  return unversioned(std::string_view(name).substr(0, arguments_start(name)));
}

bool is_libc(const NativeFrame& frame) {
  const std::string_view file = base_name(frame.module);
  return file.starts_with("libc.so") || file.starts_with("libc-2.") || file.starts_with("libpthread");
}

bool is_interpreter(const NativeFrame& frame) {
  const std::string_view file = base_name(frame.module);
  return file.starts_with("libpython") || (file.starts_with("python") && file.find(".so") == std::string_view::npos);
}

namespace {

enum class Scope { kLibc, kLibcOrNone, kInterpreter, kAny };
enum class Match { kWhole, kStart, kPart };

struct Known {
  std::string_view name;
  FrameRole role;
  Scope scope = Scope::kAny;
  Match match = Match::kWhole;
};

constexpr Known kKnown[] = {
    {"raise", FrameRole::kAbort, Scope::kLibcOrNone},
    {"gsignal", FrameRole::kAbort, Scope::kLibcOrNone},
    {"abort", FrameRole::kAbort, Scope::kLibcOrNone},
    {"kill", FrameRole::kAbort, Scope::kLibcOrNone},
    {"tgkill", FrameRole::kAbort, Scope::kLibcOrNone},
    {"__restore_rt", FrameRole::kAbort, Scope::kLibcOrNone},
    {"__pthread_kill", FrameRole::kAbort, Scope::kLibcOrNone, Match::kStart},
    {"pthread_kill", FrameRole::kAbort, Scope::kLibcOrNone, Match::kStart},
    {"message", FrameRole::kLibcCheck, Scope::kLibcOrNone},
    {"fatal", FrameRole::kLibcCheck, Scope::kLibcOrNone},
    {"malloc_printerr", FrameRole::kLibcCheck, Scope::kLibcOrNone},
    {"__assert", FrameRole::kLibcCheck, Scope::kLibcOrNone, Match::kStart},
    {"__fortify_fail", FrameRole::kLibcCheck, Scope::kLibcOrNone, Match::kStart},
    {"__chk_fail", FrameRole::kLibcCheck, Scope::kLibcOrNone},
    {"__stack_chk_fail", FrameRole::kLibcCheck, Scope::kLibcOrNone},
    {"__gnu_cxx::__verbose_terminate_handler", FrameRole::kTerminate, Scope::kAny, Match::kStart},
    {"std::terminate", FrameRole::kTerminate, Scope::kAny, Match::kStart},
    {"__cxxabiv1::__terminate", FrameRole::kTerminate, Scope::kAny, Match::kStart},
    {"__clang_call_terminate", FrameRole::kTerminate, Scope::kAny, Match::kStart},
    {"__cxa_throw", FrameRole::kTerminate, Scope::kAny, Match::kStart},
    {"__cxa_rethrow", FrameRole::kTerminate, Scope::kAny, Match::kStart},
    {"__cxa_pure_virtual", FrameRole::kTerminate, Scope::kAny, Match::kStart},
    {"__cxa_call_terminate", FrameRole::kTerminate, Scope::kAny, Match::kStart},
    {"__cxa_call_unexpected", FrameRole::kTerminate, Scope::kAny, Match::kStart},
    {"__gxx_personality", FrameRole::kTerminate, Scope::kAny, Match::kStart},
    {"std::__throw_", FrameRole::kTerminate, Scope::kAny, Match::kStart},
    {"_Unwind_", FrameRole::kTerminate, Scope::kAny, Match::kStart},
    {"fatal_error", FrameRole::kPythonFatal},
    {"fatal_error_exit", FrameRole::kPythonFatal},
    {"Py_FatalError", FrameRole::kPythonFatal},
    {"_Py_FatalError", FrameRole::kPythonFatal, Scope::kAny, Match::kStart},
    {"LogMessageFatal", FrameRole::kFatalLog, Scope::kAny, Match::kPart},
    {"log_internal::LogMessage", FrameRole::kFatalLog, Scope::kAny, Match::kPart},
    {"logging_internal::LogMessage", FrameRole::kFatalLog, Scope::kAny, Match::kPart},
    {"google::LogMessage", FrameRole::kFatalLog, Scope::kAny, Match::kPart},
    {"CheckOpMessageBuilder", FrameRole::kFatalLog, Scope::kAny, Match::kPart},
    {"DieBecauseNull", FrameRole::kFatalLog, Scope::kAny, Match::kPart},
    {"ArrowLog::", FrameRole::kFatalLog, Scope::kAny, Match::kPart},
    {"memcpy", FrameRole::kMemory, Scope::kLibc, Match::kPart},
    {"memmove", FrameRole::kMemory, Scope::kLibc, Match::kPart},
    {"memset", FrameRole::kMemory, Scope::kLibc, Match::kPart},
    {"memcmp", FrameRole::kMemory, Scope::kLibc, Match::kPart},
    {"memchr", FrameRole::kMemory, Scope::kLibc, Match::kPart},
    {"strlen", FrameRole::kMemory, Scope::kLibc, Match::kPart},
    {"strcpy", FrameRole::kMemory, Scope::kLibc, Match::kPart},
    {"strcmp", FrameRole::kMemory, Scope::kLibc, Match::kPart},
    {"strncmp", FrameRole::kMemory, Scope::kLibc, Match::kPart},
    {"strnlen", FrameRole::kMemory, Scope::kLibc, Match::kPart},
    {"strchr", FrameRole::kMemory, Scope::kLibc, Match::kPart},
    {"strcat", FrameRole::kMemory, Scope::kLibc, Match::kPart},
    {"mempcpy", FrameRole::kMemory, Scope::kLibc, Match::kPart},
    {"wcslen", FrameRole::kMemory, Scope::kLibc, Match::kPart},
    {"malloc", FrameRole::kAllocator, Scope::kLibc},
    {"free", FrameRole::kAllocator, Scope::kLibc},
    {"realloc", FrameRole::kAllocator, Scope::kLibc},
    {"calloc", FrameRole::kAllocator, Scope::kLibc},
    {"memalign", FrameRole::kAllocator, Scope::kLibc},
    {"_int_malloc", FrameRole::kAllocator, Scope::kLibc},
    {"_int_free", FrameRole::kAllocator, Scope::kLibc},
    {"_int_realloc", FrameRole::kAllocator, Scope::kLibc},
    {"_int_free_merge_chunk", FrameRole::kAllocator, Scope::kLibc},
    {"_int_free_create_chunk", FrameRole::kAllocator, Scope::kLibc},
    {"_int_memalign", FrameRole::kAllocator, Scope::kLibc},
    {"unlink_chunk", FrameRole::kAllocator, Scope::kLibc},
    {"malloc_consolidate", FrameRole::kAllocator, Scope::kLibc},
    {"tcache_get", FrameRole::kAllocator, Scope::kLibc},
    {"tcache_put", FrameRole::kAllocator, Scope::kLibc},
    {"tcache_get_n", FrameRole::kAllocator, Scope::kLibc},
    {"sysmalloc", FrameRole::kAllocator, Scope::kLibc},
    {"systrim", FrameRole::kAllocator, Scope::kLibc},
    {"tcache_thread_shutdown", FrameRole::kAllocator, Scope::kLibc},
    {"arena_thread_freeres", FrameRole::kAllocator, Scope::kLibc},
    {"cfree", FrameRole::kAllocator, Scope::kLibc},
    {"munmap_chunk", FrameRole::kAllocator, Scope::kLibc},
    {"pymalloc_alloc", FrameRole::kAllocator, Scope::kInterpreter},
    {"pymalloc_free", FrameRole::kAllocator, Scope::kInterpreter},
    {"_PyObject_Malloc", FrameRole::kAllocator, Scope::kInterpreter},
    {"_PyObject_Free", FrameRole::kAllocator, Scope::kInterpreter},
    {"_PyObject_Realloc", FrameRole::kAllocator, Scope::kInterpreter},
    {"pymalloc_realloc", FrameRole::kAllocator, Scope::kInterpreter},
    {"address_in_range", FrameRole::kAllocator, Scope::kInterpreter},
    {"allocate_from_new_pool", FrameRole::kAllocator, Scope::kInterpreter},
    {"insert_to_usedpool", FrameRole::kAllocator, Scope::kInterpreter},
};

bool applies(Scope scope, const NativeFrame& frame) {
  switch (scope) {
    case Scope::kLibc:
      return is_libc(frame);
    case Scope::kLibcOrNone:
      return is_libc(frame) || frame.module.empty();
    case Scope::kInterpreter:
      return is_interpreter(frame);
    case Scope::kAny:
      break;
  }
  return true;
}

bool matches(const Known& known, std::string_view name) {
  switch (known.match) {
    case Match::kWhole:
      return name == known.name;
    case Match::kStart:
      return name.starts_with(known.name);
    case Match::kPart:
      break;
  }
  return name.find(known.name) != std::string_view::npos;
}

}  // namespace

bool is_stand_in(const NativeFrame& frame) {
  return base_name(frame.module) == "libsegwhy.so";
}

FrameRole role_of(const NativeFrame& frame) {
  // The stand-ins abort where malloc and free would.
  if (frame.signal_frame || is_stand_in(frame)) return FrameRole::kAbort;
  if (is_foreign_call(frame)) return FrameRole::kForeignCall;
  const std::string_view name = plain_name(frame);
  // Stripped, they are the C++ runtime at work between a throw and its end.
  const std::string_view file = base_name(frame.module);
  if (name.empty() && (file.starts_with("libstdc++") || file.starts_with("libgcc_s"))) return FrameRole::kTerminate;
  for (const Known& known : kKnown)
    if (applies(known.scope, frame) && matches(known, name)) return known.role;
  return FrameRole::kNone;
}

bool is_foreign_call(const NativeFrame& frame) {
  return !foreign_interface(frame).empty();
}

std::string_view foreign_interface(const NativeFrame& frame) {
  const std::string_view file = base_name(frame.module);
  if (file.starts_with("_ctypes.")) return "ctypes";
  if (file.starts_with("_cffi_backend.")) return "cffi";
  return file.starts_with("libffi.so") || file.starts_with("libffi-") ? "libffi" : "";
}

bool is_abort_plumbing(const NativeFrame& frame) {
  switch (role_of(frame)) {
    case FrameRole::kAbort:
    case FrameRole::kLibcCheck:
    case FrameRole::kTerminate:
    case FrameRole::kFatalLog:
    case FrameRole::kPythonFatal:
      return true;
    default:
      return false;
  }
}

bool is_start_up(const NativeFrame& frame) {
  // plain_name() leaves the C library's own prefix out: __libc_start_main.
  return is_one_of(plain_name(frame), {"start_call_main", "start_main", "start_main_impl", "_start", "start_thread",
                                       "clone", "clone3", "__clone", "__clone3"});
}

bool is_memory_routine(const NativeFrame& frame) {
  return role_of(frame) == FrameRole::kMemory;
}

bool is_allocator(const NativeFrame& frame) {
  return role_of(frame) == FrameRole::kAllocator;
}

bool is_object_teardown(const NativeFrame& frame) {
  return is_interpreter(frame) &&
         is_one_of(plain_name(frame), {"_Py_Dealloc", "visit_decref", "visit_reachable", "subtract_refs", "update_refs",
                                       "move_unreachable", "deduce_unreachable", "collect", "gc_collect_main",
                                       "gc_collect_region", "subtype_dealloc", "tupledealloc", "list_dealloc",
                                       "dict_dealloc", "frame_dealloc", "free_keys_object", "delete_garbage"});
}

bool is_calling(const Thread& thread, std::string_view function) {
  return std::any_of(thread.native.begin(), thread.native.end(),
                     [function](const NativeFrame& frame) { return plain_name(frame) == function; });
}

bool in_foreign_callback(const Thread& thread) {
  for (const NativeFrame& frame : thread.native) {
    if (is_one_of(plain_name(frame), {"closure_fcn", "_CallPythonObject", "invoke_callback", "cffi_call_python"}))
      return true;
    if (!is_interpreter(frame)) return false;
  }
  return false;
}

Handler handler_of(const Thread& thread) {
  const auto& native = thread.native;
  const auto delivery = std::find_if(native.begin(), native.end(), [](const NativeFrame& f) { return f.signal_frame; });
  if (delivery == native.begin() || delivery == native.end() || std::next(delivery) == native.end()) return {};
  const NativeFrame& function = *std::prev(delivery);
  if (is_abort_plumbing(function) || is_libc(function)) return {};
  return {&function, &*std::next(delivery)};
}

Wait wait_of(const Thread& thread) {
  // The innermost frames are the system call's own wrappers; four are enough to see what they serve.
  const std::size_t depth = std::min<std::size_t>(thread.native.size(), 4);
  for (std::size_t i = 0; i < depth; ++i) {
    if (!is_libc(thread.native[i])) break;
    const std::string_view name = plain_name(thread.native[i]);
    if (is_lock_wait(name)) return Wait::kLock;
    if (is_one_of(name, {"wait4", "waitpid", "__wait4", "waitid", "__waitpid"})) return Wait::kChild;
    if (is_one_of(name, {"write", "__write", "writev", "send", "__send", "sendto"})) return Wait::kPipe;
    if (has_any(name, {"nanosleep"}) || is_one_of(name, {"sleep", "usleep"})) return Wait::kSleep;
    if (is_one_of(name, {"read", "__read", "poll", "__poll", "ppoll", "select", "__select", "pselect", "epoll_wait",
                         "__epoll_wait", "recv", "__recv", "recvfrom", "recvmsg", "accept", "accept4"}))
      return Wait::kInput;
  }
  return Wait::kRunning;
}

Shutdown shutdown_of(const Thread& thread) {
  Shutdown found;
  for (const NativeFrame& frame : thread.native) {
    const std::string_view name = plain_name(frame);
    // Still the program's own life: it waits for its threads, or runs what it registered.
    if (is_one_of(name, {"wait_for_thread_shutdown"})) return {};
    if (is_one_of(name, {"atexit_callfuncs", "_PyAtExit_Call", "call_py_exitfuncs"})) found.python_callback = true;
    const bool c_library = is_one_of(name, {"__run_exit_handlers", "_dl_fini", "__cxa_finalize", "_dl_call_fini"});
    const bool interpreter =
        is_one_of(name, {"Py_FinalizeEx", "Py_Finalize", "_Py_Finalize", "Py_EndInterpreter", "finalize_interp_clear"});
    if (!c_library && !interpreter) continue;
    found.frame = &frame;
    found.static_destructors = c_library;
    return found;
  }
  return {};
}

bool libc_called_abort(const Thread& thread) {
  const auto is_abort = [](const NativeFrame& frame) { return is_libc(frame) && plain_name(frame) == "abort"; };
  const auto found = std::find_if(thread.native.begin(), thread.native.end(), is_abort);
  if (found == thread.native.end() || found + 1 == thread.native.end()) return true;
  return is_libc(*(found + 1));
}

Culprit culprit_of(const Thread& thread) {
  Culprit found;
  const NativeFrame* routine = nullptr;  // that did what its caller told it
  for (const NativeFrame& frame : thread.native) {
    const FrameRole role = role_of(frame);
    if (role == FrameRole::kForeignCall) {
      const std::string_view through = foreign_interface(frame);
      if (found.called_through.empty() || found.called_through == "libffi") found.called_through = through;
      continue;
    }
    // Behind the foreign call stands Python: nobody native is left to blame but the routine that was called.
    if (!found.called_through.empty()) break;
    if (role == FrameRole::kNone) {
      found.frame = &frame;
      return found;
    }
    if ((role == FrameRole::kMemory || role == FrameRole::kAllocator) && routine == nullptr) routine = &frame;
  }
  found.frame = routine;
  // The interface's own code, where it reads or writes memory itself: a ctypes pointer that is looked into.
  const bool called_nothing = routine == nullptr && !thread.native.empty() && is_foreign_call(thread.native.front());
  if (called_nothing && !plain_name(thread.native.front()).empty()) return {&thread.native.front(), {}};
  return found;
}

const NativeFrame* culprit_frame(const Thread& thread) {
  return culprit_of(thread).frame;
}

std::string describe(const NativeFrame& frame) {
  if (!frame.short_name.empty()) return frame.short_name;
  if (!frame.function.empty()) return frame.function;
  if (!frame.symbol.empty()) return frame.symbol;
  if (!frame.module.empty()) return "an unnamed function of " + std::string(base_name(frame.module));
  return "code outside every library at " + hex(frame.pc);
}

std::string thread_name(const Thread& thread) {
  if (thread.is_main) return "the main thread";
  if (thread.name.empty()) return fmt::format("thread {}", thread.tid);
  return fmt::format("thread {} \"{}\"", thread.tid, thread.name);
}

}  // namespace segwhy
