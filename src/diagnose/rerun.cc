#include "diagnose/rerun.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "diagnose/access.h"
#include "diagnose/frames.h"
#include "diagnose/messages/lines.h"
#include "diagnose/pointer_reading.h"

namespace segwhy {
namespace {

constexpr std::size_t kLongestCommand = 300;
constexpr std::string_view kReplaced = "\xEF\xBF\xBD";  // U+FFFD: stands where bytes were no UTF-8

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// For words with line ends and the like: $'...' of bash, zsh and ksh.
std::string ansi_quoted(const std::string& word) {
  std::string out = "$'";
  for (const char c : word) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (is_control(c))
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    else if (c == '\'' || c == '\\')
      out += std::string("\\") + c;
    else
      out += c;
  }
  return out + "'";
}

std::string shell_word(const std::string& word) {
  if (std::any_of(word.begin(), word.end(), is_control)) return ansi_quoted(word);
  const bool plain = !word.empty() && word.find_first_of(" \t\n\"'\\$`|&;<>()*?[]#~!{}") == std::string::npos;
  if (plain) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// A child is not started by hand: what is run again is the command that Segwhy was given.
const std::vector<std::string>& command_of(const Facts& facts) {
  const Program& program = facts.evidence.program;
  return program.command.empty() ? program.argv : program.command;
}

// Its program came from a pipe that is gone: `python -`, or a bare `python` that did not run a script.
bool reads_its_program(const Facts& facts) {
  const std::vector<std::string>& command = command_of(facts);
  if (facts.evidence.program.python.empty()) return false;
  return std::find(command.begin(), command.end(), "-") != command.end() ||
         (command.size() == 1 && base_name(command.front()).starts_with("python"));
}

// A worker of multiprocessing gets what it runs from its parent, through descriptors that are gone.
bool is_started_by_another(const std::vector<std::string>& command) {
  return std::any_of(command.begin(), command.end(), [](const std::string& word) {
    return text::contains_any(word, {"--multiprocessing-fork", "from multiprocessing."});
  });
}

bool can_be_pasted(const Facts& facts) {
  const std::vector<std::string>& command = command_of(facts);
  const auto was_lost = [](const std::string& word) { return text::contains(word, kReplaced); };
  return !command.empty() && !reads_its_program(facts) && !is_started_by_another(command) &&
         std::none_of(command.begin(), command.end(), was_lost);
}

std::string in_words(const std::string& environment, const std::string& options) {
  std::vector<std::string> changes;
  if (!environment.empty()) changes.push_back(environment + " in the environment");
  if (!options.empty()) changes.push_back(options);
  return changes.empty() ? "as before" : fmt::format("as before, with {}", fmt::join(changes, " and "));
}

// A fixed address, or a number that Python handed straight to C, has no heap block that an experiment could find.
bool may_involve_heap(const Facts& facts) {
  const Fault* fault = facts.fault();
  const Operand* operand = fault == nullptr ? nullptr : faulting_operand(*fault);
  if (operand == nullptr) return true;
  if (operand->base == "rip" || (operand->base.empty() && operand->index.empty())) return false;
  const bool handed_over = facts.crashed != nullptr && !culprit_of(*facts.crashed).called_through.empty();
  return !(handed_over && fault->address && is_null_zone(*fault->address));
}

}  // namespace

std::string rerun(const Facts& facts, const std::string& environment, const std::string& options) {
  if (!can_be_pasted(facts)) return in_words(environment, options);
  std::string command = environment.empty() ? "segwhy run" : environment + " segwhy run";
  command += options.empty() ? " --" : " " + options + " --";
  for (const std::string& word : command_of(facts)) command += " " + shell_word(word);
  return command.size() > kLongestCommand ? in_words(environment, options) : command;
}

std::string eager_advice(const Facts& facts) {
  const auto& framework = facts.evidence.framework;
  const bool in_graph =
      framework && framework->name == "tensorflow" && (framework->phase == "graph" || framework->phase == "dataset");
  if (!in_graph || facts.evidence.death.kind != "signal" || !facts.environment(kEagerVariable).empty()) return {};
  return "Run it with its functions run eagerly, where the call is on the stack and more of it is checked: " +
         rerun(facts, "", "--eager");
}

std::vector<std::string> memory_experiments(const Facts& facts) {
  std::vector<std::string> list;
  if (!may_involve_heap(facts)) return list;
  const auto& framework = facts.evidence.framework;
  const bool tensorflow = framework && framework->name == "tensorflow";
  const auto& protection = facts.evidence.protection;
  if (!protection || protection->mode != "exact")
    list.push_back(rerun(facts, "", "--protect exact") +
                   "   # checks accesses to the byte: stops at the first wrong one and names its block");
  list.push_back(rerun(facts, "MALLOC_PERTURB_=165") +
                 "   # a fault address full of a5 means the memory was freed, of 5a that it was never written");
  if (!facts.evidence.program.python.empty())
    list.push_back(rerun(facts, "PYTHONMALLOC=debug") +
                   "   # CPython checks its own blocks for writes past their ends");
  if (facts.evidence.threads.size() > 1)
    list.push_back(rerun(facts, tensorflow ? "OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1"
                                           : "OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1") +
                   "   # gone with one thread: a race");
  if (tensorflow)
    list.push_back(rerun(facts, "TF_ENABLE_ONEDNN_OPTS=0") + "   # gone without oneDNN: its kernel is at fault");
  return list;
}

}  // namespace segwhy
