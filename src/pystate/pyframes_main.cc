// segwhy_pyframes: what read_python_state() sees in a process or a core file, as JSON. For the tests that compare it
// with other tools; not installed.
//
//   segwhy_pyframes PID | --core FILE      status 0; 1 with one line on stderr when it cannot be read; 2 for bad usage
//   SEGWHY_PYFRAMES_REPEAT=N               reads N times and adds the fastest time as "read_ms"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

#include "base/text.h"
#include "capture/capture.h"
#include "pystate/python_state.h"

namespace segwhy {
namespace {

nlohmann::json to_json(const PythonFrame& f) {
  nlohmann::json out{{"file", f.file}, {"function", f.function}, {"origin", f.origin}, {"entry", f.entry}};
  if (!f.source.empty()) out["source"] = f.source;
  if (!f.constants.empty()) out["constants"] = f.constants;
  if (f.line) out["line"] = *f.line;
  if (f.end_line) out["end_line"] = *f.end_line;
  if (f.column) out["column"] = *f.column;
  if (f.end_column) out["end_column"] = *f.end_column;
  return out;
}

nlohmann::json to_json(const PythonState& state) {
  nlohmann::json threads = nlohmann::json::array();
  for (const PythonThread& t : state.threads) {
    nlohmann::json frames = nlohmann::json::array();
    for (const PythonFrame& f : t.frames) frames.push_back(to_json(f));
    threads.push_back({{"tid", t.tid}, {"depth", t.depth}, {"holds_gil", t.holds_gil}, {"frames", std::move(frames)}});
  }
  nlohmann::json out{{"version", state.version}, {"threads", std::move(threads)}, {"notes", state.notes}};
  if (state.finalizing) out["finalizing"] = *state.finalizing;
  return out;
}

Result<std::unique_ptr<Capture>> open_capture(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--core") return capture_core(argv[2]);
  return capture_live(std::atoi(argv[1]));
}

int repetitions() {
  const char* text = std::getenv("SEGWHY_PYFRAMES_REPEAT");
  return text == nullptr ? 1 : std::max(1, std::atoi(text));
}

int run(int argc, char** argv) {
  const auto capture = open_capture(argc, argv);
  if (!capture) {
    std::fprintf(stderr, "%s\n", capture.error().what.c_str());
    return 1;
  }
  const Snapshot& snapshot = (*capture)->snapshot();
  PythonLimits limits;
  std::error_code ignored;
  limits.directories.push_back(
      std::filesystem::read_symlink("/proc/" + std::to_string(snapshot.pid) + "/cwd", ignored));
  Result<PythonState> state;
  double fastest_ms = std::numeric_limits<double>::max();
  for (int i = repetitions(); i > 0; --i) {
    const auto begin = std::chrono::steady_clock::now();
    state = read_python_state(snapshot, limits);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    fastest_ms = std::min(fastest_ms, took.count());
  }
  if (!state) {
    std::fprintf(stderr, "%s\n", state.error().what.c_str());
    return 1;
  }
  nlohmann::json out = to_json(*state);
  out["read_ms"] = fastest_ms;
  std::puts(out.dump(2).c_str());
  return 0;
}

}  // namespace
}  // namespace segwhy

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: segwhy_pyframes PID | --core FILE\n");
    return 2;
  }
  return segwhy::run(argc, argv);
}
