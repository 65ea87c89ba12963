// illegal-instruction: the CPU (or the virtual machine's CPU model) lacks what the code was built for.
//
// Near misses: ud2 and its kin are a trap on purpose; an instruction the CPU has, raised as SIGILL all the same, means
// that execution strayed into the middle of code or into data.
#include <fmt/format.h>

#include <array>
#include <csignal>

#include "base/text.h"
#include "diagnose/abort_origin.h"
#include "diagnose/frames.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

// Variables by which libraries let a user choose code for a CPU other than the one they find.
constexpr std::array kDispatchVariables = {"OPENBLAS_CORETYPE",  "MKL_ENABLE_INSTRUCTIONS", "MKL_DEBUG_CPU_TYPE",
                                           "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA",        "ATEN_CPU_CAPABILITY",
                                           "GLIBC_TUNABLES",     "NUMBA_CPU_NAME",          "NUMBA_CPU_FEATURES",
                                           "BLIS_ARCH_TYPE",     "NPYV_DISPATCH",           "XLA_FLAGS"};

std::string module_of_crash(const Facts& facts) {
  if (facts.crashed == nullptr || facts.crashed->native.empty()) return {};
  return facts.crashed->native.front().module;
}

std::string package_of(const Facts& facts, const std::string& path) {
  for (const Module& module : facts.evidence.program.modules)
    if (module.path == path && !module.package.empty())
      return module.package + (module.package_version.empty() ? "" : " " + module.package_version);
  return {};
}

void add_advice(const Facts& facts, const std::string& feature, Candidate& candidate) {
  for (const char* name : kDispatchVariables) {
    const std::string value = facts.environment(name);
    if (value.empty()) continue;
    candidate.evidence.push_back(fmt::format("{}={} is set: it chooses the code for a CPU by hand.", name, value));
    candidate.advice.push_back(fmt::format("Unset {} (now \"{}\").", name, value));
  }
  const std::string module = module_of_crash(facts);
  const std::string package = package_of(facts, module);
  const std::string cpu = facts.evidence.machine.cpu.empty() ? "this CPU" : facts.evidence.machine.cpu;
  const std::string owner = package.empty() ? std::string(base_name(module)) : "package " + package;
  if (!owner.empty())
    candidate.advice.push_back(
        fmt::format("Install a build of {} that does without {}, or run on a machine or virtual CPU model that has it "
                    "({} does not).",
                    owner, feature, cpu));
}

std::optional<Candidate> from_message(const Facts& facts) {
  const auto& library = facts.text.library;
  if (!library || library->kind != text::LibraryComplaint::Kind::kCpu) return std::nullopt;
  if (!facts.aborted() && !facts.failed_exit() && !facts.died_of(SIGILL)) return std::nullopt;
  Candidate candidate{.slug = "illegal-instruction", .score = 90};
  candidate.confidence = unless_requested(facts, Confidence::kCertain);
  candidate.summary = fmt::format("A library refuses to run on this CPU, which lacks {}: {}", library->what,
                                  text::shortened(library->text, 200));
  candidate.evidence.push_back("The program printed: " + text::shortened(library->text, 300));
  add_advice(facts, library->what, candidate);
  return candidate;
}

bool in_library_code(const Facts& facts) {
  if (facts.crashed == nullptr || facts.crashed->native.empty()) return false;
  return !facts.crashed->native.front().module.empty();
}

Candidate strayed(const Facts& facts, const Instruction& instruction) {
  Candidate candidate{.slug = "bad-jump",
                      .confidence = in_library_code(facts) ? Confidence::kPossible : Confidence::kLikely,
                      .score = 60};
  candidate.summary = fmt::format(
      "{} executed `{}`, which this CPU supports but refused: execution strayed into data or the middle of code{}.",
      subject(facts), instruction.text, in_function(facts));
  add_common_evidence(facts, candidate);
  candidate.alternatives.push_back({"illegal-instruction", "A virtual machine may hide a feature that cpuid reports."});
  return candidate;
}

Candidate lacking(const Facts& facts, const Instruction& instruction) {
  Candidate candidate{.slug = "illegal-instruction", .confidence = Confidence::kCertain, .score = 80};
  const std::string feature = instruction.missing_feature.empty() ? instruction.isa_set : instruction.missing_feature;
  const std::string module = module_of_crash(facts);
  candidate.summary = fmt::format("{} uses {}, which this CPU does not have{}: `{}`.", subject(facts), feature,
                                  in_function(facts), instruction.text);
  candidate.evidence.push_back(
      fmt::format("`{}` belongs to {}; cpuid{} does not report it.", instruction.text, feature,
                  facts.evidence.machine.cpu.empty() ? "" : " of " + facts.evidence.machine.cpu));
  if (!module.empty()) candidate.evidence.push_back("The instruction is part of " + module + ".");
  add_common_evidence(facts, candidate);
  add_advice(facts, feature, candidate);
  return candidate;
}

}  // namespace

std::optional<Candidate> illegal_instruction(const Facts& facts) {
  if (auto candidate = from_message(facts)) return candidate;
  if (!facts.died_of(SIGILL) || !facts.raised_by_kernel()) return std::nullopt;
  const Instruction* instruction = facts.instruction();
  if (instruction != nullptr && instruction->category == "trap") return std::nullopt;
  if (instruction != nullptr && instruction->cpu_supports == false) return lacking(facts, *instruction);
  if (instruction != nullptr && instruction->cpu_supports == true) return strayed(facts, *instruction);
  Candidate candidate{.slug = "illegal-instruction", .score = 10};
  candidate.confidence = in_library_code(facts) ? Confidence::kLikely : Confidence::kPossible;
  candidate.summary = fmt::format("{} ran an instruction that this CPU refuses{}.", subject(facts), in_function(facts));
  candidate.evidence.push_back("The CPU raised SIGILL; the instruction could not be decoded.");
  add_common_evidence(facts, candidate);
  add_advice(facts, "the instruction set it was built for", candidate);
  candidate.alternatives = {{"trap", "The code may contain a trap on purpose (ud2)."},
                            {"bad-jump", "Execution may have strayed into data."}};
  return candidate;
}

}  // namespace segwhy
