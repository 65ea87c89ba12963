#include "monitor/doorbell.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "monitor/session.h"

namespace segwhy {
namespace {

struct Wiring {
  std::uint32_t* word;
  int event;
};

void* forward_rings(void* argument) {
  const Wiring wiring = *static_cast<Wiring*>(argument);
  delete static_cast<Wiring*>(argument);
  std::uint32_t seen = 0;
  for (;;) {
    const std::uint32_t now = load_word(*wiring.word);
    if (now == seen) {
      ::syscall(SYS_futex, wiring.word, FUTEX_WAIT, seen, nullptr, nullptr, 0);
      continue;
    }
    seen = now;
    ::eventfd_write(wiring.event, 1);
  }
  return nullptr;
}

}  // namespace

Doorbell::Doorbell(std::uint32_t& word) : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) return;
  pthread_t thread{};
  auto* const wiring = new Wiring{&word, event_.get()};
  threaded_ = ::pthread_create(&thread, nullptr, &forward_rings, wiring) == 0;
  if (threaded_)
    ::pthread_detach(thread);
  else
    delete wiring;
}

void Doorbell::clear() const {
  eventfd_t count = 0;
  ::eventfd_read(event_.get(), &count);
}

}  // namespace segwhy
