#include "monitor/lineage.h"

#include <csignal>

namespace segwhy {
namespace {

const char* origin_name(std::uint32_t origin) {
  switch (origin) {
    case wire::kOriginFork:
      return "fork";
    case wire::kOriginExec:
      return "exec";
    default:
      return "root";
  }
}

}  // namespace

Fork fork_of(const wire::ProcessRecord& record, ProcessTable& processes) {
  Fork fork;
  fork.origin = origin_name(record.origin);
  if (record.parent_pid != 0) {
    fork.parent_pid = static_cast<int>(record.parent_pid);
    const bool monitored = processes.find(*fork.parent_pid) != nullptr;
    fork.parent_alive = monitored || ::kill(*fork.parent_pid, 0) == 0;
  }
  if (record.origin == wire::kOriginFork) fork.parent_threads = record.threads_at_fork;
  return fork;
}

}  // namespace segwhy
