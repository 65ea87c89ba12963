// setrlimit(2) and prlimit(2): a program's own limit on its address space or its data must hold for the program alone,
// so what the heap has reserved beyond it is given back first.
#include <sys/resource.h>

#include "runtime/abi/export.h"
#include "runtime/heap/retreat.h"
#include "runtime/pal/next.h"
#include "runtime/pal/syscall.h"

namespace {

using segwhy::runtime::heap::retreat_below;
using segwhy::runtime::pal::next;

static_assert(sizeof(rlimit) == sizeof(rlimit64), "one function serves both names");

void prepare_for(int resource, const rlimit* limit) {
  if (limit == nullptr || (resource != RLIMIT_AS && resource != RLIMIT_DATA)) return;
  retreat_below(limit->rlim_cur);
}

[[nodiscard]] bool is_own(pid_t pid) {
  return pid == 0 || pid == segwhy::runtime::pal::syscall(SYS_getpid);
}

}  // namespace

SEGWHY_EXPORT int setrlimit(__rlimit_resource_t resource, const struct rlimit* limit) noexcept {
  prepare_for(static_cast<int>(resource), limit);
  return next().setrlimit(resource, limit);
}

SEGWHY_EXPORT int setrlimit64(__rlimit_resource_t resource, const struct rlimit64* limit) noexcept {
  return setrlimit(resource, reinterpret_cast<const struct rlimit*>(limit));
}

SEGWHY_EXPORT int prlimit(pid_t pid, enum __rlimit_resource resource, const struct rlimit* limit,
                          struct rlimit* old) noexcept {
  if (is_own(pid)) prepare_for(static_cast<int>(resource), limit);
  return next().prlimit(pid, resource, limit, old);
}

SEGWHY_EXPORT int prlimit64(pid_t pid, enum __rlimit_resource resource, const struct rlimit64* limit,
                            struct rlimit64* old) noexcept {
  return prlimit(pid, resource, reinterpret_cast<const struct rlimit*>(limit), reinterpret_cast<struct rlimit*>(old));
}
