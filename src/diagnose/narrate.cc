#include "diagnose/narrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "diagnose/frames.h"
#include "diagnose/messages/lines.h"

namespace segwhy {
namespace {

std::string framework_name(const Framework& framework) {
  const std::string name = framework.name == "tensorflow" ? "TensorFlow"
                           : framework.name == "torch"    ? "PyTorch"
                                                          : framework.name;
  return framework.version.empty() ? name : name + " " + framework.version;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return "[" + fmt::format("{}", fmt::join(shape, ", ")) + "]";
}

std::string describe_input(const TensorInfo& input) {
  std::string text = input.name.empty() ? "an input" : input.name;
  text += " (" + input.dtype;
  if (input.shape) text += (input.dtype.empty() ? "" : " ") + shape_text(*input.shape);
  text += ")";
  if (!input.preview.empty()) text += " = " + text::shortened(input.preview, 60);
  return text;
}

// The whole and decimal numbers in a preview like "[1, -2, 3.5]".
std::vector<double> numbers_in(std::string_view text) {
  std::vector<double> numbers;
  while (!text.empty()) {
    const auto start = text.find_first_of("-0123456789");
    if (start == std::string_view::npos) break;
    text.remove_prefix(start);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto used = error == std::errc{} ? static_cast<std::size_t>(end - text.data()) : std::size_t{1};
    if (error == std::errc{}) numbers.push_back(value);
    text.remove_prefix(std::max<std::size_t>(used, 1));
  }
  return numbers;
}

bool is_integer_type(std::string_view dtype) {
  return dtype.starts_with("int") || dtype.starts_with("uint");
}

std::string oddity(const TensorInfo& input) {
  const std::string name = input.name.empty() ? "an input" : input.name;
  if (input.shape && std::find(input.shape->begin(), input.shape->end(), 0) != input.shape->end())
    return fmt::format("{} is empty (shape {})", name, shape_text(*input.shape));
  if (!is_integer_type(input.dtype)) return {};
  const std::vector<double> numbers = numbers_in(input.preview);
  const auto has = [&](auto test) { return std::any_of(numbers.begin(), numbers.end(), test); };
  const std::string values = text::shortened(input.preview, 40);
  if (has([](double v) { return v < 0; })) return fmt::format("{} holds a negative number ({})", name, values);
  if (has([](double v) { return v > 1e6; })) return fmt::format("{} holds a very large number ({})", name, values);
  if (has([](double v) { return v == 0; })) return fmt::format("{} holds 0 ({})", name, values);
  return {};
}

std::string shell_word(const std::string& word) {
  const bool plain = !word.empty() && word.find_first_of(" \t\n\"'\\$`|&;<>()*?[]#~!{}") == std::string::npos;
  if (plain) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

std::string subject(const Facts& facts) {
  const auto& framework = facts.evidence.framework;
  if (framework && !framework->op.empty() && framework->confidence != "possible") return "Op " + framework->op;
  if (facts.crashed != nullptr)
    if (const NativeFrame* frame = culprit_frame(*facts.crashed)) return describe(*frame);
  return "The program";
}

std::string in_function(const Facts& facts) {
  if (facts.crashed == nullptr) return {};
  const NativeFrame* frame = culprit_frame(*facts.crashed);
  if (frame == nullptr) return {};
  const std::string name = describe(*frame);
  const std::string module(base_name(frame->module));
  // The subject of the sentence may already be this function.
  if (name == subject(facts)) return module.empty() ? "" : " (" + module + ")";
  const bool says_module = module.empty() || name.find(module) != std::string::npos;
  return " in " + name + (says_module ? "" : " (" + module + ")");
}

std::string line_name(const Facts& facts) {
  if (!facts.where) return {};
  std::string name(base_name(facts.where->file));
  if (facts.where->line) name += ":" + std::to_string(*facts.where->line);
  return name;
}

std::string at_line(const Facts& facts) {
  return facts.where ? " at " + line_name(facts) : "";
}

std::string framework_sentence(const Facts& facts) {
  const auto& framework = facts.evidence.framework;
  if (!framework || framework->op.empty()) return {};
  const bool sure = framework->confidence != "possible";
  std::string text =
      fmt::format("{} {} op {}", framework_name(*framework), sure ? "was running" : "last ran", framework->op);
  if (!framework->node.empty()) text += " (node " + framework->node + ")";
  std::vector<std::string> inputs;
  for (std::size_t i = 0; i < std::min<std::size_t>(framework->inputs.size(), 6); ++i)
    inputs.push_back(describe_input(framework->inputs[i]));
  if (!inputs.empty()) text += " on " + joined(inputs, ", ");
  return text + ".";
}

std::vector<std::string> odd_inputs(const Facts& facts) {
  std::vector<std::string> odd;
  if (!facts.evidence.framework) return odd;
  for (const TensorInfo& input : facts.evidence.framework->inputs)
    if (std::string text = oddity(input); !text.empty()) odd.push_back(std::move(text));
  return odd;
}

std::string argument_advice(const Facts& facts) {
  const std::vector<std::string> odd = odd_inputs(facts);
  const auto& framework = facts.evidence.framework;
  const bool has_op = framework && !framework->op.empty();
  if (has_op && !odd.empty())
    return fmt::format("Check these before {} runs{}: {}.", framework->op, at_line(facts), joined(odd, "; "));
  if (has_op && facts.where)
    return fmt::format("Check the arguments that {} gives to {}: its kernel trusts them.", line_name(facts),
                       framework->op);
  if (facts.where && !facts.where->source.empty())
    return fmt::format("Check what {} passes into native code: {}", line_name(facts), trim(facts.where->source));
  return {};
}

std::string rerun(const Facts& facts, const std::string& environment, const std::string& options) {
  std::string command = environment.empty() ? "segwhy run" : environment + " segwhy run";
  command += options.empty() ? " --" : " " + options + " --";
  for (const std::string& word : facts.evidence.program.argv) command += " " + shell_word(word);
  if (facts.evidence.program.argv.empty()) command += " PROGRAM";
  return text::shortened(command, 300);
}

std::vector<std::string> memory_experiments(const Facts& facts) {
  std::vector<std::string> list;
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

std::string quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

}  // namespace segwhy
