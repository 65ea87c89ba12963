// A library that a user preloads besides the runtime: its fputs and sigaction stand between the program and libc.
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>

extern "C" int fputs(const char* text, FILE* stream) {
  using Function = int (*)(const char*, FILE*);
  static const auto next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "fputs"));
  next("[user's] ", stream);
  return next(text, stream);
}

extern "C" int sigaction(int signal, const struct sigaction* action, struct sigaction* old) noexcept {
  using Function = int (*)(int, const struct sigaction*, struct sigaction*);
  static const auto next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "sigaction"));
  return next(signal, action, old);
}
