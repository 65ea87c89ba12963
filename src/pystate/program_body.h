// ProgramBody: whether the body of a Python program is still being executed, by a look at the running process.
//
// When the script's last line is done, the interpreter takes everything apart, which frees what the program held and
// may take a while: what is seen then says nothing of the program. The body is being executed as long as some thread
// has a frame chain that begins in a module's body, in `python -m`'s runner, or in a thread of threading's.
//
// The process is read while it runs, so that any look may fail or be torn: a look that makes no sense tells nothing.
// Does not own the memory. Not thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "base/result.h"
#include "evidence/model/snapshot.h"
#include "pystate/layout.h"

namespace segwhy::pystate {

// The look itself, at an interpreter of a known layout.
[[nodiscard]] std::optional<bool> is_body_executed(MemoryReader& memory, const Layout& layout, TargetAddr runtime);

class ProgramBody {
 public:
  // An error when there is no interpreter, or none that can be read. `snapshot`: mappings and memory; the memory must
  // outlive this.
  static Result<std::unique_ptr<ProgramBody>> open(const Snapshot& snapshot);
  ProgramBody(const ProgramBody&) = delete;
  ProgramBody& operator=(const ProgramBody&) = delete;

  // nullopt: not known at this moment.
  [[nodiscard]] std::optional<bool> is_executed() const { return is_body_executed(memory_, layout_, runtime_); }

  // For other looks at the same interpreter.
  [[nodiscard]] MemoryReader& memory() const { return memory_; }
  [[nodiscard]] const Layout& layout() const { return layout_; }
  [[nodiscard]] TargetAddr runtime() const { return runtime_; }

 private:
  ProgramBody(MemoryReader& memory, TargetAddr runtime, Layout layout)
      : memory_(memory), runtime_(runtime), layout_(std::move(layout)) {}

  MemoryReader& memory_;
  TargetAddr runtime_;
  Layout layout_;
};

}  // namespace segwhy::pystate
