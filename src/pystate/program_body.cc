#include "pystate/program_body.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "pystate/code_objects.h"
#include "pystate/frame_chain.h"
#include "pystate/objects.h"
#include "pystate/runtime_locator.h"
#include "pystate/thread_states.h"

namespace segwhy::pystate {
namespace {

// The outermost function of a script or module, of `python -m`, and of a thread.
constexpr std::array<std::string_view, 3> kBeginnings = {"<module>", "_run_module_as_main", "_bootstrap"};

bool is_beginning(std::string_view function) {
  const auto dot = function.rfind('.');  // "Thread._bootstrap" from 3.11 on
  const std::string_view name = dot == std::string_view::npos ? function : function.substr(dot + 1);
  return std::find(kBeginnings.begin(), kBeginnings.end(), name) != kBeginnings.end();
}

}  // namespace

Result<std::unique_ptr<ProgramBody>> ProgramBody::open(const Snapshot& snapshot) {
  const auto runtime = locate_runtime(snapshot);
  if (!runtime) return tl::unexpected(runtime.error());
  if (runtime->free_threaded) return fail("a free-threaded build, whose state cannot be read");
  auto layout = layout_of(runtime->minor, *snapshot.memory, runtime->address);
  if (!layout) return tl::unexpected(layout.error());
  return std::unique_ptr<ProgramBody>(new ProgramBody(*snapshot.memory, runtime->address, std::move(*layout)));
}

std::optional<bool> is_body_executed(MemoryReader& memory, const Layout& layout, TargetAddr runtime) {
  constexpr std::uint32_t kDeepest = 2000;
  const auto states = read_thread_states(memory, layout, runtime);
  if (!states || states->threads.empty() || !states->notes.empty()) return std::nullopt;
  if (states->finalizing == true) return false;
  // Code objects come and go at the same address: nothing is kept from one look to the next.
  ObjectReader objects(memory, layout);
  CodeObjects codes(objects);
  for (const ThreadState& state : states->threads) {
    if (state.innermost_frame.is_null()) continue;
    const FrameChain chain = walk_frames(objects, codes, state.innermost_frame, {0, 1, kDeepest});
    if (!chain.problem.empty() || chain.outermost.empty()) return std::nullopt;
    const CodeInfo* const code = codes.describe(chain.outermost.back().code);
    if (code == nullptr) return std::nullopt;
    if (is_beginning(code->function)) return true;
  }
  return false;
}

}  // namespace segwhy::pystate
