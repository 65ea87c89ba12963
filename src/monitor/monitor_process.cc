#include "monitor/monitor_process.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "monitor/descriptors.h"
#include "monitor/monitor.h"

namespace segwhy {
namespace {

// Locking a mutex and reading a few counters: this is for a machine that swaps.
constexpr int kReadyPatienceMs = 10'000;

// The limits are meant for the program: the monitor takes what it may, and never leaves a core file of its own.
void lift_limits() {
  for (const auto resource : {RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_STACK}) {
    rlimit limit{};
    if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == limit.rlim_max) continue;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(resource, &limit);
  }
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
}

[[noreturn]] void be_monitor(Session& session, Channel& channel, RunFacts facts, DeliveryOptions delivery) {
  // A session of its own: neither Ctrl-C nor a kill of the program's process group is meant for the monitor.
  ::setsid();
  ::prctl(PR_SET_NAME, "segwhy-monitor");
  close_all_except({session.fd(), channel.fd()});
  redirect_to_null(STDIN_FILENO);
  redirect_to_null(STDOUT_FILENO);
  lift_limits();
  try {
    if (!session.attach_monitor()) ::_exit(1);
    facts.baseline = read_baseline(::getpid());
    Monitor monitor(session, channel, std::move(facts), std::move(delivery));
    Message ready;
    ready.kind = Message::kMonitorReady;
    channel.send(ready);
    monitor.run();
  } catch (const std::exception&) {
    ::_exit(1);  // the front sees the end of the stream and says so
  }
  ::_exit(0);
}

}  // namespace

Result<MonitorProcess> start_monitor(Session& session, RunFacts facts, DeliveryOptions delivery) {
  auto ends = Channel::make_pair();
  if (!ends) return tl::unexpected(ends.error());
  auto& [ours, theirs] = *ends;
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("start the monitor", errno);
  if (pid == 0) {
    ours.close();
    be_monitor(session, theirs, std::move(facts), std::move(delivery));
  }
  theirs.close();
  Message ready;
  if (ours.receive_within(ready, kReadyPatienceMs) != Channel::Received::kMessage)
    return fail("the monitor did not start");
  return MonitorProcess{pid, std::move(ours)};
}

}  // namespace segwhy
