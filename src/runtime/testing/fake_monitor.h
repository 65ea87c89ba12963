// The monitor's side of a session, for tests of the runtime: owns a session, starts programs in it and answers their
// hand-overs. Single-threaded use; all waits end on events (a doorbell, a death), never on a clock.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "evidence/wire/recorder.h"
#include "evidence/wire/session.h"

namespace segwhy::runtime::testing {

// What became of one hand-over. Text and registers as the handler stored them.
struct Crash {
  std::uint32_t slot = 0;  // index of its record
  std::uint32_t pid = 0, tid = 0;
  int signal = 0;
  int code = 0;
  std::uint64_t address = 0;
  bool handled = false, in_runtime = false;
  std::uint32_t follows = 0;
  std::uint64_t signal_mask = 0;
  std::uint64_t abort_text_address = 0;
  std::string abort_text;
  wire::RegisterSet registers{};
};

// A program that has run to its end.
struct Outcome {
  int status = -1;             // as waitpid reports it
  std::string output;          // stdout
  std::string error_output;    // stderr
  std::vector<Crash> crashes;  // in the order they were taken

  [[nodiscard]] int exit_code() const;  // -1 when killed
  [[nodiscard]] int signal() const;     // 0 when exited
  [[nodiscard]] bool dumped_core() const;
};

struct Program {
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;  // on top of the test's own
  std::function<void()> in_child;                  // right before exec; async-signal-safe code only
};

class FakeMonitor {
 public:
  // Whether a record is free again once its hand-over is done. Kept, later ones can refer to it.
  enum class Slots { kFree, kKeep };

  // `protect` (wire::ProtectMode) makes a session with the flight recorder.
  explicit FakeMonitor(Slots slots = Slots::kFree, wire::ProtectMode protect = wire::kProtectOff);
  FakeMonitor(const FakeMonitor&) = delete;
  FakeMonitor& operator=(const FakeMonitor&) = delete;
  ~FakeMonitor();

  [[nodiscard]] wire::Session& session() { return *session_; }

  // Runs `program` in the session to its end. `on_crash` sees each record while its handler waits.
  Outcome run(const Program& program, const std::function<void(wire::CrashRecord&)>& on_crash = {});

  // Runs it without the runtime: what everything is compared with.
  static Outcome run_plain(const Program& program);

  // Asks the waiting handler for something and returns when it is done.
  static void request(wire::CrashRecord& record, std::uint32_t kind);

  // Takes the mutex that tells that the monitor lives, in the calling process. Its previous holder is forgotten.
  void hold_mutex();

  // Records of processes that called themselves live, freed or not.
  [[nodiscard]] std::vector<const wire::ProcessRecord*> processes() const;

  // `size` bytes of the area of `process`, from `offset` on; as the monitor reads them.
  [[nodiscard]] std::string area_bytes(const wire::ProcessRecord& process, std::uint64_t offset,
                                       std::size_t size) const;

  // The text in the stderr ring of `process`.
  [[nodiscard]] std::string ring_text(const wire::ProcessRecord& process) const;

 private:
  void take_crashes(std::vector<Crash>& crashes, const std::function<void(wire::CrashRecord&)>& on_crash);

  const Slots slots_;
  int memory_fd_ = -1;
  wire::Session* session_ = nullptr;
};

// Where the build put the runtime and the program that the tests run.
[[nodiscard]] std::string library_path();
[[nodiscard]] Program subject(std::vector<std::string> arguments);

}  // namespace segwhy::runtime::testing
