// segwhy_frames core CORE | live PID: native stacks, fault and modules of a core or a stopped process, as JSON on
// stdout.
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/text.h"
#include "capture/capture.h"
#include "decode/decode.h"
#include "symbols/symbolizer.h"
#include "unwind/unwind.h"

namespace segwhy {
namespace {

using nlohmann::json;

class Stopwatch {
 public:
  double lap_ms() {
    const auto now = std::chrono::steady_clock::now();
    const double ms = std::chrono::duration<double, std::milli>(now - last_).count();
    last_ = now;
    return ms;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

json frame_json(const NativeFrame& frame, const RawFrame& raw) {
  json out = {{"pc", frame.pc},
              {"module", frame.module},
              {"function", frame.function},
              {"short", frame.short_name},
              {"symbol", frame.symbol},
              {"file", frame.file},
              {"line", frame.line.value_or(0)},
              {"offset", frame.function_offset ? json(*frame.function_offset) : json()},
              {"inlined", frame.inlined},
              {"signal_frame", raw.signal_frame},
              {"trust", raw.trust}};
  return out;
}

json fault_json(const Fault& fault) {
  json out = {{"access", fault.access},         {"source", fault.address_source},
              {"width", fault.width},           {"non_canonical", fault.non_canonical},
              {"misaligned", fault.misaligned}, {"instruction", fault.instruction ? fault.instruction->text : ""}};
  if (fault.address) out["address"] = *fault.address;
  return out;
}

json modules_json(Symbolizer& symbols) {
  json out = json::array();
  for (const Module& m : symbols.modules()) {
    out.push_back({{"path", m.path}, {"package", m.package}, {"version", m.package_version}, {"markers", m.markers}});
  }
  return out;
}

json describe(const Snapshot& snapshot, Unwinder& unwinder, Symbolizer& symbols) {
  Stopwatch watch;
  std::vector<RawStack> stacks;
  std::vector<CodeAddress> addresses;
  for (const ThreadSnapshot& thread : snapshot.threads) {
    stacks.push_back(unwinder.unwind(thread, {}));
    for (const RawFrame& f : stacks.back().frames) addresses.push_back({f.pc, f.is_return_address});
  }
  json timing = {{"unwind_ms", watch.lap_ms()}};
  const std::vector<std::vector<NativeFrame>> resolved = symbols.resolve(addresses);
  timing["resolve_ms"] = watch.lap_ms();

  json threads = json::array();
  std::size_t next = 0;
  for (std::size_t t = 0; t < stacks.size(); ++t) {
    json frames = json::array();
    for (const RawFrame& raw : stacks[t].frames) {
      for (const NativeFrame& frame : resolved[next]) frames.push_back(frame_json(frame, raw));
      ++next;
    }
    threads.push_back({{"tid", snapshot.threads[t].tid},
                       {"crashed", snapshot.threads[t].crashed},
                       {"depth", stacks[t].depth},
                       {"complete", stacks[t].complete},
                       {"frames", std::move(frames)}});
  }
  json out = {{"threads", std::move(threads)}};
  if (const auto fault = describe_fault(snapshot)) out["fault"] = fault_json(*fault);
  watch.lap_ms();
  out["modules"] = modules_json(symbols);
  timing["modules_ms"] = watch.lap_ms();
  out["timing"] = std::move(timing);
  return out;
}

int run(const std::string& kind, const std::string& what) {
  auto capture = kind == "core" ? capture_core(what) : capture_live(static_cast<int>(parse_number(what).value_or(0)));
  if (!capture) {
    std::cerr << capture.error().what << '\n';
    return 1;
  }
  const Snapshot& snapshot = (*capture)->snapshot();
  auto unwinder = Unwinder::open(snapshot);
  auto symbols = Symbolizer::open(snapshot);
  if (!unwinder || !symbols) {
    std::cerr << "no memory captured\n";
    return 1;
  }
  std::cout << describe(snapshot, *unwinder, *symbols) << '\n';
  return 0;
}

}  // namespace
}  // namespace segwhy

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 2 && (arguments[0] == "core" || arguments[0] == "live")) {
    return segwhy::run(arguments[0], arguments[1]);
  }
  std::cerr << "usage: segwhy_frames core CORE | live PID\n";
  return 2;
}
