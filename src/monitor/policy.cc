#include "monitor/policy.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <string_view>

#include "base/text.h"
#include "evidence/wire/eager.h"
#include "monitor/death.h"

namespace segwhy {
namespace {

constexpr std::size_t kMaxNameLength = 64;

// Ended by its user at the terminal, or because nobody reads its output any more.
bool is_users_own(int signal) {
  return signal == SIGINT || signal == SIGQUIT || signal == SIGHUP || signal == SIGPIPE;
}

// A limit of the process, which a traceback does not show.
bool memory_is_limited(const Machine& machine) {
  return std::any_of(machine.limits.begin(), machine.limits.end(), [](const auto& limit) {
    return (limit.first == "as" || limit.first == "data") && limit.second.soft;
  });
}

// Ending a program that hangs is a question, whoever does it.
bool is_standstill(const Verdict& verdict) {
  return (verdict.verdict_class == "deadlock" || verdict.verdict_class == "fork-after-threads") &&
         verdict.confidence != Confidence::kPossible;
}

// Whether an exit needs no words of ours: the traceback has said what there is to say.
bool explains_itself(const Verdict& verdict, const Machine& machine) {
  const std::string& name = verdict.verdict_class;
  if (name == "allocation-failed") return !memory_is_limited(machine);
  if (name == "memory-growth") return true;  // nothing died of it; `segwhy mem` tells it all the same
  return name == "ok" || name == "python-exception" || name == "unknown";
}

// Who asks for --eager asks whether a death becomes an exception.
bool raised_under_eager(const Case& evidence, const Verdict& verdict) {
  return verdict.verdict_class == "python-exception" && evidence.program.environment.contains(wire::kEnvEager);
}

bool is_python(std::string_view program) {
  return base_name(program).starts_with("python");
}

// The script of a Python command line: the first word that is not an option. "-m pkg" names a module.
std::string_view script_of(const std::vector<std::string>& argv) {
  for (std::size_t i = 1; i < argv.size(); ++i) {
    if (argv[i] == "-m" && i + 1 < argv.size()) return argv[i + 1];
    if (argv[i] == "-c" || argv[i] == "-") return {};
    if (argv[i] == "-X" || argv[i] == "-W")
      ++i;
    else if (!argv[i].starts_with("-"))
      return base_name(argv[i]);
  }
  return {};
}

}  // namespace

Telling telling_of(const Case& evidence, const Verdict& verdict, bool root) {
  const Death& death = evidence.death;
  // Memory that was written or read wrongly is told of however the program ended: its results are in doubt.
  if (!evidence.findings.empty()) return Telling::kTell;
  if (death.kind == "oom" || verdict.verdict_class == "out-of-memory") return Telling::kTell;
  if (death.kind == "signal") {
    const int signal = death.signal.value_or(0);
    if (is_users_own(signal) && !(root && is_standstill(verdict))) return Telling::kSilent;
    return root || is_crash_signal(signal) ? Telling::kTell : Telling::kHold;
  }
  if (death.kind != "exit") return evidence.threads.empty() ? Telling::kSilent : Telling::kTell;
  if (root && raised_under_eager(evidence, verdict)) return Telling::kTell;
  return root && !explains_itself(verdict, evidence.machine) ? Telling::kTell : Telling::kSilent;
}

bool exact_run_may_tell_more(const Case& evidence, const Verdict& verdict) {
  static constexpr std::array<std::string_view, 10> kOfMemory{
      "wild-pointer",    "bad-jump",    "use-after-free", "out-of-bounds-read", "out-of-bounds-write",
      "heap-corruption", "double-free", "invalid-free",   "uninitialised-read", "unknown"};
  if (evidence.capture.protection == "exact") return false;
  const bool of_memory = std::find(kOfMemory.begin(), kOfMemory.end(), verdict.verdict_class) != kOfMemory.end();
  return of_memory && (evidence.death.kind == "signal" || !evidence.findings.empty());
}

std::string case_file_name(const Program& program) {
  std::string_view name =
      program.argv.empty() ? std::string_view(program.executable) : std::string_view(program.argv.front());
  if (is_python(name)) {
    const std::string_view script = script_of(program.argv);
    if (!script.empty()) name = script;
  }
  name = base_name(name);
  if (name.ends_with(".py")) name.remove_suffix(3);
  std::string safe;
  for (const char c : name.substr(0, kMaxNameLength)) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    safe.push_back(plain ? c : '_');
  }
  return "segwhy-" + (safe.empty() ? "program" : safe) + "-" + std::to_string(program.pid) + ".case";
}

}  // namespace segwhy
