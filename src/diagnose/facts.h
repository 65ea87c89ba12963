// Facts: a Case and what several rules need to know about it, derived once.
//
// Borrows the Case, which must outlive it. Pure and thread-safe after construction.
#pragma once

#include <optional>
#include <string>

#include "diagnose/messages/text_facts.h"
#include "evidence/model/case.h"

namespace segwhy {

struct Facts {
  explicit Facts(const Case& evidence_in);
  Facts(const Facts&) = delete;
  Facts& operator=(const Facts&) = delete;

  const Case& evidence;
  const Thread* crashed = nullptr;  // nullptr when no thread was captured
  text::TextFacts text;
  std::optional<SourceLine> where;  // the user's own innermost line
  bool where_is_native = false;     // `where` is a line of C or C++, of a program without Python
  bool where_is_bystander = false;  // `where` is of a thread that may have nothing to do with the death
  std::string where_reason;         // how it was found, when not simply the crashed thread's own frame

  [[nodiscard]] bool died_of(int signal) const;
  // The kernel raised it for what the thread did, as opposed to somebody sending it. Also true when that is not known.
  [[nodiscard]] bool raised_by_kernel() const;
  // Sent by another process.
  [[nodiscard]] bool sent_from_outside() const;
  // SIGABRT that the process gave itself.
  [[nodiscard]] bool aborted() const;
  // Ended by exit with a status other than 0.
  [[nodiscard]] bool failed_exit() const;
  // A SIGSEGV or SIGBUS the kernel raised.
  [[nodiscard]] bool memory_fault() const;
  // Asked about while it lives, or killed from outside: why it did not go on may matter more than who ended it.
  [[nodiscard]] bool may_have_hung() const;

  [[nodiscard]] const Fault* fault() const { return evidence.fault ? &*evidence.fault : nullptr; }
  [[nodiscard]] const Instruction* instruction() const {
    return evidence.fault && evidence.fault->instruction ? &*evidence.fault->instruction : nullptr;
  }
  [[nodiscard]] std::optional<std::uint64_t> soft_limit(const std::string& name) const;
  // Value of one of the environment variables that matter; empty when unset.
  [[nodiscard]] std::string environment(const std::string& name) const;
};

}  // namespace segwhy
