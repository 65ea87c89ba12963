// Monitor: the process that watches the program's tree and explains its deaths. It survives everything that happens to
// the program and to the front, and nothing that happens to it changes how the program runs.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "monitor/account_book.h"
#include "monitor/channel.h"
#include "monitor/death.h"
#include "monitor/delivery.h"
#include "monitor/doorbell.h"
#include "monitor/incident.h"
#include "monitor/live_view.h"
#include "monitor/process_table.h"
#include "monitor/sampling.h"
#include "monitor/session.h"

namespace segwhy {

class Monitor {
 public:
  Monitor(Session& session, Channel& channel, RunFacts facts, DeliveryOptions delivery);

  // Works until the program and what it left behind have ended. Never throws.
  void run();

 private:
  void wait_for_events();
  void handle_messages();
  void handle_message(const Message& message);
  void lose_front();
  void handle_crashes();
  void take_crash(std::uint32_t index);
  void take_finding(std::uint32_t index);
  void keep_findings(const EndedProcess& ended);
  void keep_account(const EndedProcess& ended);
  void release_crash(std::uint32_t index);
  void free_released_crashes();
  // Whether a crash record's pid may be read and watched.
  bool reach(pid_t pid);
  void handle_deaths();
  void settle(EndedProcess ended);
  void end_of_root(EndedProcess ended);
  void finish_root(std::optional<int> status);
  void note_oom_kill(const Incident& incident);
  void linger();
  void read_programs();
  [[nodiscard]] bool finished() const;

  Session& session_;
  Channel& channel_;
  RunFacts facts_;
  std::uint64_t start_ns_;
  Doorbell doorbell_;
  ProcessTable processes_;
  MemorySampler sampler_;
  AccountBook accounts_;
  LiveView view_;
  CaseBuilder builder_;
  Delivery delivery_;
  std::vector<Incident> pending_;   // crashes of processes that have not ended yet
  std::vector<Incident> survived_;  // what was found wrong in processes that have not ended yet: the first of each
  std::array<std::uint64_t, wire::kMaxCrashes> released_ns_{};
  std::vector<ForwardedSignal> forwarded_;
  pid_t root_ = 0;
  pid_t front_;
  bool root_over_ = false;
  bool front_gone_ = false;
  std::optional<EndedProcess> root_end_;  // the root as the table saw it end
  std::optional<int> root_status_;        // as the front reported it
  std::uint64_t root_max_rss_ = 0;
  std::uint64_t last_update_ns_ = 0;
};

}  // namespace segwhy
