#include "runtime/pal/next.h"

#include <dlfcn.h>
#include <errno.h>

namespace segwhy::runtime::pal::internal {

NextFunctions next_functions;
const void* abort_message;
bool next_resolved;

namespace {

// Stands in for a missing function of any signature: all of them report failure with a negative int.
long missing_function() {
  errno = ENOSYS;
  return -1;
}

template <typename Function>
void resolve(Function& out, const char* name) {
  void* const found = dlsym(RTLD_NEXT, name);
  out = reinterpret_cast<Function>(found != nullptr ? found : reinterpret_cast<void*>(&missing_function));
}

}  // namespace

void resolve_next() {
  const int saved = errno;
#define SEGWHY_RESOLVE(name) resolve(next_functions.name, #name);
  SEGWHY_NEXT_FUNCTIONS(SEGWHY_RESOLVE)
#undef SEGWHY_RESOLVE
  abort_message = dlsym(RTLD_DEFAULT, "__abort_msg");
  __atomic_store_n(&next_resolved, true, __ATOMIC_RELEASE);
  errno = saved;
}

}  // namespace segwhy::runtime::pal::internal
