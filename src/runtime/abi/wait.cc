// The wait calls, which tell how a child ended: the only account of a child that a SIGKILL took.
#include <sys/resource.h>
#include <sys/wait.h>

#include "runtime/abi/export.h"
#include "runtime/crash/children.h"
#include "runtime/pal/next.h"

using segwhy::runtime::note_child_info;
using segwhy::runtime::note_child_status;
using segwhy::runtime::pal::next;

namespace {

// Calls `function` with the caller's status word or, where it gave none, an own one; then takes note. A caller's bad
// pointer has made the call fail by then.
template <typename Function>
pid_t wait_and_note(int* status, Function function) {
  int own_status = 0;
  int* const out = status != nullptr ? status : &own_status;
  const pid_t pid = function(out);
  if (pid > 0) note_child_status(pid, *out);
  return pid;
}

}  // namespace

SEGWHY_EXPORT pid_t wait(int* status) {
  return wait_and_note(status, [](int* out) { return next().wait(out); });
}

SEGWHY_EXPORT pid_t waitpid(pid_t pid, int* status, int options) {
  return wait_and_note(status, [=](int* out) { return next().waitpid(pid, out, options); });
}

SEGWHY_EXPORT pid_t wait3(int* status, int options, struct rusage* usage) noexcept {
  return wait_and_note(status, [=](int* out) { return next().wait3(out, options, usage); });
}

SEGWHY_EXPORT pid_t wait4(pid_t pid, int* status, int options, struct rusage* usage) noexcept {
  return wait_and_note(status, [=](int* out) { return next().wait4(pid, out, options, usage); });
}

SEGWHY_EXPORT int waitid(idtype_t type, id_t id, siginfo_t* info, int options) {
  const int result = next().waitid(type, id, info, options);
  if (result == 0 && info != nullptr && info->si_pid != 0) note_child_info(*info);
  return result;
}
