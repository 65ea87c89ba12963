#include "history/events.h"

#include "base/text.h"
#include "pystate/origin.h"
#include "pystate/runtime_locator.h"

namespace segwhy::history {
namespace {

std::vector<std::string> stdlib_of(const Naming& naming) {
  if (naming.snapshot == nullptr) return {};
  const auto runtime = pystate::locate_runtime(*naming.snapshot);
  if (!runtime) return {};
  return pystate::find_stdlib(*naming.snapshot, runtime->module, runtime->minor);
}

}  // namespace

EventBuilder::EventBuilder(StackReader& stacks, const Area& area, const wire::ClockPair& now, const Naming& naming)
    : stacks_(stacks),
      header_(area.header()),
      now_(now),
      naming_(naming),
      root_(naming.snapshot != nullptr ? naming.snapshot->root : ""),
      stdlib_(stdlib_of(naming)),
      sources_(root_, naming.directories) {}

PythonFrame EventBuilder::describe(const RecordedPythonFrame& recorded) {
  PythonFrame out;
  out.file = to_valid_utf8(recorded.file);
  out.function = to_valid_utf8(recorded.function);
  out.line = recorded.location.line;
  out.end_line = recorded.location.end_line;
  out.column = recorded.location.column;
  out.end_column = recorded.location.end_column;
  out.origin = pystate::origin_of(recorded.file, stdlib_, root_);
  if (out.line) out.source = sources_.line(recorded.file, *out.line);
  return out;
}

void EventBuilder::fill(const Recorded& recorded, BlockEvent& into) {
  if (recorded.tid != 0) into.thread = static_cast<int>(recorded.tid);
  into.age_s = age_s(header_, now_, recorded.ticks);
  const auto stack = stacks_.read(recorded.stack);
  Pending pending{&into, {}};
  // A stack taken in a signal handler begins with it.
  if (recorded.pc != 0 && !(stack && stack->exact_pc)) pending.addresses.push_back({TargetAddr(recorded.pc), false});
  if (stack) {
    for (const RecordedPythonFrame& frame : stack->python) into.python.push_back(describe(frame));
    for (std::size_t i = 0; i < stack->native.size(); ++i)
      pending.addresses.push_back({TargetAddr(stack->native[i]), i != 0 || !stack->exact_pc});
  }
  if (!pending.addresses.empty()) pending_.push_back(std::move(pending));
}

void EventBuilder::resolve() {
  const std::vector<Pending> pending = std::exchange(pending_, {});
  if (naming_.symbolizer == nullptr) return;
  std::vector<CodeAddress> all;
  for (const Pending& p : pending) all.insert(all.end(), p.addresses.begin(), p.addresses.end());
  std::vector<std::vector<NativeFrame>> named = naming_.symbolizer->resolve(all);
  std::size_t next = 0;
  for (const Pending& p : pending) {
    for (std::size_t i = 0; i < p.addresses.size(); ++i, ++next) {
      for (NativeFrame& frame : named.at(next)) {
        if (frame.origin == "user" && frame.line) frame.source = sources_.line(frame.file, *frame.line);
        frame.trust = p.addresses[i].is_return_address ? kTrustCfi : kTrustContext;
        p.event->native.push_back(std::move(frame));
      }
    }
  }
}

}  // namespace segwhy::history
