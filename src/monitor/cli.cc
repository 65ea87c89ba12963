#include "monitor/cli.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "monitor/commands.h"
#include "monitor/doctor.h"
#include "monitor/explain.h"
#include "monitor/terminal.h"
#include "monitor/version.h"

namespace segwhy {
namespace {

constexpr int kUsageError = 2;

struct Cli {
  CLI::App app{"Says why a Python program died natively.", "segwhy"};
  RunOptions run, mem;
  std::optional<std::uint32_t> budget_permille;
  ReportOptions report, core;
  CompareOptions compare;
  ExplainOptions explain;
  DoctorOptions doctor;
  CLI::App *run_app = nullptr, *mem_app = nullptr, *report_app = nullptr, *core_app = nullptr, *explain_app = nullptr,
           *doctor_app = nullptr, *compare_app = nullptr;
};

// What `run` and `mem` have in common.
void add_program_options(CLI::App& app, RunOptions& options, std::optional<std::uint32_t>& budget) {
  app.footer("After the options: [--] SCRIPT.py or COMMAND, and its ARGUMENTS.");
  app.add_option("--python", options.python, "Python to run the script with");
  app.add_option_function<std::string>(
         "--protect", [&options](const std::string& name) { options.protection.mode = protect_mode(name); },
         "Which memory blocks to guard: off, sampled, tensors, exact, all (default: run tensors, mem off)")
      ->check(CLI::IsMember(protect_mode_names()));
  app.add_option_function<double>(
         "--budget", [&budget](double percent) { budget = static_cast<std::uint32_t>(percent * 10); },
         "CPU time that guarding may take, percent; 100: as much as it needs (default 5, of `sampled` 1, of `all` 50)")
      ->check(CLI::Range(0.0, 100.0));
  app.add_option("--json", options.json_path, "Write the incident as JSON to this file, also when all went well");
  app.add_option("--case", options.case_path,
                 "Save the case here (default: segwhy-PROGRAM-PID.case in $SEGWHY_DIR or here)");
  auto* const quiet = app.add_flag("--quiet", options.quiet, "Never print a report");
  app.add_flag("--verbose", options.verbose, "Print a report in any case, and all of it")->excludes(quiet);
  app.add_flag("--fail-on-error", options.fail_on_error,
               "Exit with 1 when the program exits with 0 but an incident was reported");
}

void add_run(Cli& cli) {
  cli.run_app = cli.app.add_subcommand("run", "Run a Python script or any command, and say why if it dies");
  add_program_options(*cli.run_app, cli.run, cli.budget_permille);
  cli.run_app->add_flag("--eager", cli.run.eager,
                        "Run TensorFlow's functions eagerly: what dies in a graph may raise a Python exception then");
  cli.run_app
      ->add_flag("--rerun", cli.run.rerun,
                 "After a memory error, run the program once more with --protect exact, and report that, too")
      ->excludes("--quiet");
}

void add_mem(Cli& cli) {
  cli.mem_app = cli.app.add_subcommand("mem", "Run a program and say where its memory went: by line, over time");
  cli.mem.memory.asked = true;
  cli.mem.protection.mode = wire::kProtectOff;
  add_program_options(*cli.mem_app, cli.mem, cli.budget_permille);
  cli.mem_app->add_option("--svg", cli.mem.memory.svg_path, "Draw the memory over time to this file");
  cli.mem_app->add_flag("--oom-guard", cli.mem.memory.guard,
                        "Warn, with the largest call sites, when a memory limit is near");
  cli.mem_app->add_flag("--live", cli.mem.memory.live, "Show it while the program runs");
}

void add_report(Cli& cli) {
  cli.report_app = cli.app.add_subcommand("report", "Print the report of a saved case");
  cli.report_app->add_option("case", cli.report.path, "A file segwhy-PROGRAM-PID.case")->required();
  cli.report_app->add_option("--json", cli.report.json_path, "Write the incident as JSON to this file");
  cli.report_app->add_flag("--verbose", cli.report.verbose, "Print everything");
}

void add_core(Cli& cli) {
  cli.core_app = cli.app.add_subcommand("core", "Explain a core file");
  cli.core_app->add_option("core", cli.core.path, "The core file")->required();
  cli.core_app->add_option("--json", cli.core.json_path, "Write the incident as JSON to this file");
  cli.core_app->add_option("--case", cli.core.case_path, "Save the case to this file");
  cli.core_app->add_flag("--verbose", cli.core.verbose, "Print everything");
}

void add_compare(Cli& cli) {
  cli.compare_app = cli.app.add_subcommand("compare", "Run two programs, or read two cases, and say what differs");
  CLI::App& app = *cli.compare_app;
  app.footer("Further words, after -- where they begin with -, are arguments of both programs.");
  app.add_option("old", cli.compare.old_word, "A saved case (FILE.case), a Python script or a command")->required();
  app.add_option("new", cli.compare.new_word, "What to compare it with")->required();
  app.add_option("arguments", cli.compare.arguments, "Arguments of both programs");
  app.add_option("--python", cli.compare.python, "Python to run scripts with");
  app.add_option("--json", cli.compare.json_path, "Write the comparison as JSON to this file");
}

void add_advisors(Cli& cli) {
  cli.explain_app = cli.app.add_subcommand("explain", "What a verdict class means and how to fix it");
  cli.explain_app->add_option("class", cli.explain.slug, "Verdict class; none: list all");
  cli.doctor_app = cli.app.add_subcommand("doctor", "What would crash here: CPU, limits, libraries");
  cli.doctor_app->add_option("--python", cli.doctor.python, "Interpreter whose packages are examined");
  cli.doctor_app->add_flag("--json", cli.doctor.json, "Print JSON");
}

// Whether the option word `word` of `app` takes the next word as its value.
bool takes_next_word(const CLI::App& app, const std::string& word) {
  if (word.find('=') != std::string::npos) return false;
  const CLI::Option* const option = app.get_option_no_throw(word);
  return option != nullptr && option->get_items_expected_max() > 0;
}

// Moves the program and its arguments out of `words` (those after "run"): from the first word that is not an option of
// ours on, nothing is ours.
std::vector<std::string> take_program(const CLI::App& app, std::vector<std::string>& words) {
  std::size_t at = 0;
  while (at < words.size() && words[at].size() > 1 && words[at].front() == '-' && words[at] != "--")
    at += takes_next_word(app, words[at]) ? 2U : 1U;
  at = std::min(at, words.size());
  const auto first = words.begin() + static_cast<std::ptrdiff_t>(at);
  const bool separated = first != words.end() && *first == "--";
  std::vector<std::string> program(first + (separated ? 1 : 0), words.end());
  words.erase(first, words.end());
  return program;
}

int start(const Cli& cli, RunOptions& options, const std::string& command, const StandardDescriptors& standard) {
  if (options.words.empty()) {
    print_error(command + ": name a Python script or a command", "segwhy " + command + " train.py");
    return kUsageError;
  }
  Protection& protection = options.protection;
  protection.budget_permille = cli.budget_permille.value_or(usual_budget_permille(protection.mode));
  protection.account_bytes = options.memory.asked ? kAccountBytes : 0;
  return run_command(options, standard);
}

int dispatch(Cli& cli, const StandardDescriptors& standard) {
  if (cli.run_app->parsed()) return start(cli, cli.run, "run", standard);
  if (cli.mem_app->parsed()) return start(cli, cli.mem, "mem", standard);
  if (cli.report_app->parsed()) return report_command(cli.report);
  if (cli.core_app->parsed()) return core_command(cli.core);
  if (cli.compare_app->parsed()) return compare_command(cli.compare);
  const TextStyle style = style_for(STDOUT_FILENO);
  if (cli.explain_app->parsed()) {
    cli.explain.color = style.color;
    cli.explain.unicode = style.unicode;
    cli.explain.width = std::min(cli.explain.width, style.width);
    return explain_command(cli.explain);
  }
  cli.doctor.color = style.color;
  cli.doctor.unicode = style.unicode;
  cli.doctor.width = style.width;
  return doctor_command(cli.doctor);
}

}  // namespace

int run_cli(int argc, const char* const* argv, const StandardDescriptors& standard) {
  Cli cli;
  cli.app.set_version_flag("--version", std::string("segwhy ") + kVersionText);
  cli.app.require_subcommand(1);
  add_run(cli);
  add_mem(cli);
  add_report(cli);
  add_core(cli);
  add_compare(cli);
  add_advisors(cli);
  std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && (words.front() == "run" || words.front() == "mem")) {
    const std::string command = words.front();
    const bool run = command == "run";
    words.erase(words.begin());
    (run ? cli.run : cli.mem).words = take_program(run ? *cli.run_app : *cli.mem_app, words);
    words.insert(words.begin(), command);
  }
  std::reverse(words.begin(), words.end());  // CLI11 takes them last first
  try {
    cli.app.parse(words);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return cli.app.exit(error);  // --help, --version
    print_error(error.what(), "segwhy --help");
    return kUsageError;
  }
  return dispatch(cli, standard);
}

}  // namespace segwhy
