#include "memory/line_key.h"

#include <algorithm>

#include "pystate/origin.h"

namespace segwhy::memory {
namespace {

using Frames = std::vector<history::RecordedPythonFrame>;

bool is_import_machinery(const history::RecordedPythonFrame& frame) {
  return frame.file.starts_with("<frozen importlib") || frame.file.find("importlib/_bootstrap") != std::string::npos;
}

// Generated from the user's function; its caller's frames are not nearer.
bool is_generated(const history::RecordedPythonFrame& frame) {
  return frame.file.find("__autograph_generated_file") != std::string::npos;
}

// Native frames that only allocate are the innermost ones and differ; what called them is a step further out.
std::uint64_t native_key(const std::vector<std::uint64_t>& native) {
  constexpr std::size_t kCaller = 1;
  return native.empty() ? 0 : native[std::min(kCaller, native.size() - 1)];
}

}  // namespace

bool is_user_code(const std::string& file) {
  if (pystate::origin_of(file, {}, "") != pystate::kOriginUser) return false;
  return file.find("/lib/python3.") == std::string::npos && file.find("/lib64/python3.") == std::string::npos;
}

bool LineNamer::is_user(const std::string& file) {
  const auto [it, added] = files_.try_emplace(file);
  if (added) it->second = is_user_code(file);
  return it->second;
}

LineKey LineNamer::key_of(const history::RecordedStack& stack) {
  const Frames& frames = stack.python;
  if (frames.empty()) return {{}, {}, {}, false, native_key(stack.native)};
  auto chosen =
      std::find_if(frames.begin(), frames.end(), [this](const auto& f) { return is_user(f.file) && !is_generated(f); });
  const bool importing = std::any_of(frames.begin(), chosen, is_import_machinery);
  if (chosen == frames.end()) chosen = frames.begin();
  return {chosen->file, chosen->location.line, chosen->function, importing, 0};
}

}  // namespace segwhy::memory
