#include "diagnose/frames.h"

#include <algorithm>
#include <initializer_list>

#include "base/text.h"

namespace segwhy {
namespace {

using Names = std::initializer_list<std::string_view>;

bool is_one_of(std::string_view name, Names names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool starts_with_any(std::string_view name, Names names) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view start) { return name.starts_with(start); });
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

// Segwhy's own library in the program stands in for malloc and free, and aborts where they would.
constexpr std::string_view kRuntime = "libsegwhy.so";

bool is_abort_plumbing(const NativeFrame& frame) {
  const std::string_view name = plain_name(frame);
  if (frame.signal_frame || base_name(frame.module) == kRuntime) return true;
  if (is_libc(frame) || frame.module.empty()) {
    if (is_one_of(name, {"raise", "gsignal", "abort", "kill", "tgkill", "message", "fatal", "malloc_printerr",
                         "__assert_fail", "__assert_fail_base", "__assert_perror_fail", "__assert", "__fortify_fail",
                         "__fortify_fail_abort", "__chk_fail", "__stack_chk_fail", "__restore_rt"}))
      return true;
    if (starts_with_any(name, {"__pthread_kill", "pthread_kill"})) return true;
  }
  return starts_with_any(
             name, {"__gnu_cxx::__verbose_terminate_handler", "std::terminate", "__cxxabiv1::__terminate",
                    "__cxa_throw", "__cxa_rethrow", "__cxa_pure_virtual", "std::__throw_", "__clang_call_terminate",
                    "__gxx_personality", "__cxa_call_terminate", "__cxa_call_unexpected", "_Unwind_"}) ||
         is_one_of(name, {"fatal_error", "fatal_error_exit", "Py_FatalError", "_Py_FatalErrorFunc",
                          "_Py_FatalErrorFormat", "_Py_FatalError_TstateNULL", "_Py_FatalError_PrintExc"}) ||
         has_any(name, {"LogMessageFatal", "log_internal::LogMessage", "logging_internal::LogMessage",
                        "google::LogMessage", "CheckOpMessageBuilder", "DieBecauseNull", "ArrowLog::"});
}

bool is_memory_routine(const NativeFrame& frame) {
  const std::string_view name = plain_name(frame);
  if (!is_libc(frame)) return false;
  return has_any(name, {"memcpy", "memmove", "memset", "memcmp", "memchr", "strlen", "strcpy", "strcmp", "strncmp",
                        "strnlen", "strchr", "strcat", "mempcpy", "wcslen"});
}

bool is_allocator(const NativeFrame& frame) {
  const std::string_view name = plain_name(frame);
  if (is_libc(frame))
    return is_one_of(name, {"malloc",
                            "free",
                            "realloc",
                            "calloc",
                            "memalign",
                            "_int_malloc",
                            "_int_free",
                            "_int_realloc",
                            "_int_free_merge_chunk",
                            "_int_free_create_chunk",
                            "_int_memalign",
                            "unlink_chunk",
                            "malloc_consolidate",
                            "tcache_get",
                            "tcache_put",
                            "tcache_get_n",
                            "sysmalloc",
                            "systrim",
                            "tcache_thread_shutdown",
                            "arena_thread_freeres",
                            "cfree",
                            "munmap_chunk"});
  return is_interpreter(frame) &&
         is_one_of(name, {"pymalloc_alloc", "pymalloc_free", "_PyObject_Malloc", "_PyObject_Free", "_PyObject_Realloc",
                          "pymalloc_realloc", "address_in_range", "allocate_from_new_pool", "insert_to_usedpool"});
}

bool is_object_teardown(const NativeFrame& frame) {
  return is_interpreter(frame) &&
         is_one_of(plain_name(frame), {"_Py_Dealloc", "visit_decref", "visit_reachable", "subtract_refs", "update_refs",
                                       "move_unreachable", "deduce_unreachable", "collect", "gc_collect_main",
                                       "gc_collect_region", "subtype_dealloc", "tupledealloc", "list_dealloc",
                                       "dict_dealloc", "frame_dealloc", "free_keys_object", "delete_garbage"});
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

const NativeFrame* culprit_frame(const Thread& thread) {
  for (const NativeFrame& frame : thread.native) {
    if (is_abort_plumbing(frame) || is_memory_routine(frame) || is_allocator(frame)) continue;
    return &frame;
  }
  return nullptr;
}

std::string describe(const NativeFrame& frame) {
  if (!frame.short_name.empty()) return frame.short_name;
  if (!frame.function.empty()) return frame.function;
  if (!frame.symbol.empty()) return frame.symbol;
  if (!frame.module.empty()) return "an unnamed function of " + std::string(base_name(frame.module));
  return "code outside every library at " + hex(frame.pc);
}

}  // namespace segwhy
