// ProcessAccount: the account of one process while it lives and when it is gone, from its area of the flight recorder.
//
// Owns its reading of the area; the file must outlive it. Never fails as a whole. Not thread-safe.
#pragma once

#include <memory>
#include <optional>

#include "evidence/model/memory.h"
#include "history/events.h"
#include "history/history.h"
#include "memory/holder_history.h"
#include "memory/line_key.h"
#include "memory/site_history.h"

namespace segwhy::memory {

class ProcessAccount {
 public:
  // nullptr: the process keeps no account.
  static std::unique_ptr<ProcessAccount> open(const history::Query& process);
  ProcessAccount(const ProcessAccount&) = delete;
  ProcessAccount& operator=(const ProcessAccount&) = delete;

  // One look; false when there was nothing to see.
  bool look(double at_s);

  // The program's containers, as seen at the same moment.
  void look_at_holders(double at_s, pystate::Variables& variables, TargetAddr runtime);

  // The last look at a process that has ended, or whose program is over. One that freed much on its way out says
  // nothing of what it held, but what it was refused counts; one that freed nothing, as after a kill, is taken as it
  // is. `now` is the same moment as `at_s`; the look is of the moment of the last large allocation, as far as there was
  // one: what a program does on its way out, for however long, is not its work.
  void look_at_end(double at_s, const wire::ClockPair& now);

  // For a view of a running program.
  [[nodiscard]] const SiteHistory& history() const { return history_; }

  // What the looks so far say. `now`: the moment of the last one.
  [[nodiscard]] MemoryUse use(const wire::ClockPair& now, const history::Naming& naming);

 private:
  explicit ProcessAccount(history::Area area);
  void add_look(double at_s);
  [[nodiscard]] MemorySite site_of(const LineAccount& line, const wire::ClockPair& now) const;
  void add_refused(const wire::ClockPair& now, MemoryUse& into) const;
  void add_retracing(const wire::ClockPair& now, MemoryUse& into);

  history::Area area_;
  history::StackReader stacks_;
  LineNamer namer_;
  SiteHistory history_;
  HolderHistory holders_;
  SiteTable latest_;
  bool looked_ = false;
  double looked_at_s_ = 0;
};

}  // namespace segwhy::memory
