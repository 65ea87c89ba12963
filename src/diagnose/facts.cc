#include "diagnose/facts.h"

#include <csignal>

#include "diagnose/where.h"

namespace segwhy {

Facts::Facts(const Case& evidence_in)
    : evidence(evidence_in), crashed(crashed_thread(evidence_in)), text(text::read_messages(evidence_in.messages)) {
  Location location = find_where(evidence, text);
  where = std::move(location.line);
  where_is_native = where && location.native;
  where_is_bystander = where && location.bystander;
  where_reason = std::move(location.reason);
}

bool Facts::died_of(int signal) const {
  return evidence.death.kind == "signal" && evidence.death.signal == signal;
}

bool Facts::raised_by_kernel() const {
  return !evidence.death.code || *evidence.death.code > 0;
}

bool Facts::sent_from_outside() const {
  const Death& death = evidence.death;
  if (!death.signal || !death.code || *death.code > 0) return false;
  // abort() raises it by tgkill; the pid may be that of another pid namespace.
  if (*death.signal == SIGABRT && *death.code == SI_TKILL) return false;
  return death.sender_pid && *death.sender_pid != evidence.program.pid;
}

bool Facts::aborted() const {
  return died_of(SIGABRT) && !sent_from_outside();
}

bool Facts::failed_exit() const {
  return evidence.death.kind == "exit" && evidence.death.exit_code.value_or(0) != 0;
}

bool Facts::memory_fault() const {
  return (died_of(SIGSEGV) || died_of(SIGBUS)) && raised_by_kernel();
}

bool Facts::may_have_hung() const {
  if (evidence.death.kind == "none") return true;
  return died_of(SIGKILL) || died_of(SIGTERM) || died_of(SIGINT) || died_of(SIGQUIT) || died_of(SIGALRM) ||
         died_of(SIGHUP);
}

std::optional<std::uint64_t> Facts::soft_limit(const std::string& name) const {
  const auto found = evidence.machine.limits.find(name);
  return found == evidence.machine.limits.end() ? std::nullopt : found->second.soft;
}

std::string Facts::environment(const std::string& name) const {
  const auto found = evidence.program.environment.find(name);
  return found == evidence.program.environment.end() ? std::string() : found->second;
}

}  // namespace segwhy
