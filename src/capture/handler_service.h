// HandlerService: asks a signal handler that waits in a CrashRecord to read memory or to collect thread registers.
//
// The way in where the kernel refuses ptrace and process_vm_readv. Each request is bounded in time; when one is not
// answered (the process was killed, or another thread resumed it) the service is broken for good and every later
// request fails at once. What comes back is the target's word: lengths are checked. Not thread-safe, one per record.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/memory_reader.h"
#include "base/result.h"
#include "capture/crash_facts.h"
#include "evidence/wire/session.h"

namespace segwhy {

class HandlerService {
 public:
  // `record` is kCrashTaken and outlives the service; `pid` is the process as we see it, when known: lets its death end
  // a wait early.
  HandlerService(wire::CrashRecord& record, std::optional<int> pid,
                 std::chrono::milliseconds patience = std::chrono::seconds(2));

  // Leading bytes of [from, from + out.size()) that the handler could read.
  std::size_t read(TargetAddr from, std::span<std::byte> out);

  // Registers of the threads that answered the handler's call; those that did not are left out.
  Result<std::vector<WaitingThread>> thread_registers();

  [[nodiscard]] bool broken() const { return broken_; }

 private:
  bool ask(std::uint32_t request);

  wire::CrashRecord& record_;
  std::optional<int> pid_;
  std::chrono::milliseconds patience_;
  bool broken_ = false;
};

// The target's memory through a HandlerService, which it shares.
class HandlerMemory final : public MemoryReader {
 public:
  explicit HandlerMemory(std::shared_ptr<HandlerService> service) : service_(std::move(service)) {}
  std::size_t read(TargetAddr from, std::span<std::byte> out) override { return service_->read(from, out); }

 private:
  std::shared_ptr<HandlerService> service_;
};

}  // namespace segwhy
