#include "diagnose/narrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "diagnose/frames.h"
#include "diagnose/inputs.h"
#include "diagnose/messages/lines.h"
#include "diagnose/misfits.h"

namespace segwhy {
namespace {

std::string framework_name(const Framework& framework) {
  const std::string name = framework.name == "tensorflow" ? "TensorFlow"
                           : framework.name == "torch"    ? "PyTorch"
                                                          : framework.name;
  return framework.version.empty() ? name : name + " " + framework.version;
}

std::string describe_input(const TensorInfo& input) {
  std::string text = input.name.empty() ? "an input" : input.name;
  text += " (" + input.dtype;
  if (input.shape) text += (input.dtype.empty() ? "" : " ") + shape_text(*input.shape);
  text += ")";
  if (!input.preview.empty()) text += " = " + text::shortened(input.preview, 60);
  return text;
}

// "memset" of "__memset_avx512_unaligned_erms": the C library has one for each kind of CPU.
std::string routine_name(const NativeFrame& frame) {
  std::string_view name = plain_name(frame);
  name.remove_prefix(std::min(name.find_first_not_of('_'), name.size()));
  return std::string(name.substr(0, name.find('_')));
}

// Some native code other than the interpreter's own ran, or the stack does not say.
bool left_the_interpreter(const Facts& facts) {
  if (facts.crashed == nullptr || facts.crashed->native.empty()) return true;
  const NativeFrame* culprit = culprit_frame(*facts.crashed);
  return culprit == nullptr || !is_interpreter(*culprit);
}

// The misfits and odd inputs as one list, to go on after a colon.
std::string suspects_phrase(const Facts& facts) {
  auto [misfits, odd] = suspects_of(facts);
  for (std::string& misfit : misfits) {
    if (misfit.ends_with('.')) misfit.pop_back();
    misfit.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(misfit.front())));
  }
  if (!odd.empty()) misfits.push_back(describe(odd));
  return joined(misfits, "; ");
}

// "Foo::bar (foo.cc:12)".
std::string with_place(const NativeFrame& frame) {
  const std::string place = frame.line ? short_place(frame.file, frame.line) : "";
  return place.empty() ? describe(frame) : fmt::format("{} ({})", describe(frame), place);
}

// The handler that a memory fault happened in. (One that ends the program does so on purpose.)
Handler handler_in_fault(const Facts& facts) {
  return facts.crashed != nullptr && facts.memory_fault() ? handler_of(*facts.crashed) : Handler{};
}

// Of a thread that runs none of the user's Python: its own code, where that is known.
std::string advice_on_own_thread(const Facts& facts) {
  const NativeFrame* culprit = facts.crashed == nullptr ? nullptr : culprit_frame(*facts.crashed);
  if (culprit == nullptr || !culprit->line || is_interpreter(*culprit)) return {};
  return fmt::format("Look at {}, which ran in {}, and at what that thread was given to work on.", with_place(*culprit),
                     thread_name(*facts.crashed));
}

}  // namespace

std::string handler_sentence(const Facts& facts) {
  const Handler handler = handler_in_fault(facts);
  if (handler.function == nullptr) return {};
  return fmt::format("{} ran as a signal handler, which interrupted {}.", describe(*handler.function),
                     describe(*handler.interrupted));
}

std::string culprit_phrase(const Facts& facts) {
  if (facts.crashed == nullptr) return {};
  const Culprit culprit = culprit_of(*facts.crashed);
  if (culprit.frame == nullptr) return {};
  const std::string name = is_memory_routine(*culprit.frame) ? routine_name(*culprit.frame) : describe(*culprit.frame);
  return culprit.called_through.empty() ? name : fmt::format("{} (called through {})", name, culprit.called_through);
}

std::string subject(const Facts& facts) {
  const Framework* op = blamed_op(facts);
  if (op != nullptr && op->confidence != "possible") return "Op " + op->op;
  const std::string culprit = culprit_phrase(facts);
  return culprit.empty() ? "The program" : culprit;
}

std::string in_function(const Facts& facts) {
  const NativeFrame* frame = facts.crashed == nullptr ? nullptr : culprit_frame(*facts.crashed);
  if (frame == nullptr) return {};
  const std::string name = culprit_phrase(facts);
  const std::string module(base_name(frame->module));
  // The subject of the sentence may already be this function.
  if (name == subject(facts)) return module.empty() ? "" : " (" + module + ")";
  const bool says_module = module.empty() || name.find(module) != std::string::npos;
  return " in " + name + (says_module ? "" : " (" + module + ")");
}

std::string short_place(const std::string& file, const std::optional<int>& line) {
  std::string name(base_name(file));
  if (line && !name.empty()) name += ":" + std::to_string(*line);
  return name;
}

std::string line_name(const Facts& facts) {
  return facts.where ? short_place(facts.where->file, facts.where->line) : "";
}

std::string at_line(const Facts& facts) {
  return facts.where ? " at " + line_name(facts) : "";
}

std::string input_of_line(const Facts& facts) {
  return fmt::format("what {} {}", line_name(facts), facts.where_is_native ? "works on" : "passes in");
}

std::string framework_sentence(const Facts& facts) {
  const auto& framework = facts.evidence.framework;
  if (!framework || framework->op.empty()) return {};
  const bool sure = framework->confidence != "possible";
  std::string text =
      fmt::format("{} {} op {}", framework_name(*framework), sure ? "was running" : "last ran", framework->op);
  if (!framework->node.empty()) text += " (node " + framework->node + ")";
  if (const PythonFrame* inner = user_code_inside_op(facts))
    return fmt::format("{}, which had called the Python function {} ({}): the crash is in that.", text, inner->function,
                       short_place(inner->file, inner->line));
  constexpr std::size_t kMostInputs = 6;
  std::vector<std::string> inputs;
  for (std::size_t i = 0; i < std::min(framework->inputs.size(), kMostInputs); ++i)
    inputs.push_back(describe_input(framework->inputs[i]));
  if (framework->inputs.size() > kMostInputs)
    inputs.push_back(fmt::format("... ({} more)", framework->inputs.size() - kMostInputs));
  if (!inputs.empty()) text += " on " + joined(inputs, ", ");
  return text + ".";
}

std::string argument_advice(const Facts& facts) {
  const Framework* op = blamed_op(facts);
  if (const std::string suspects = op != nullptr ? suspects_phrase(facts) : ""; !suspects.empty())
    return fmt::format("Check this before {} runs{}: {}.", op->op, at_line(facts), suspects);
  if (op != nullptr && facts.where)
    return fmt::format("Check the arguments that {} gives to {}: its kernel trusts them.", line_name(facts), op->op);
  if (const Handler handler = handler_in_fault(facts); handler.function != nullptr)
    return fmt::format(
        "Look at the signal handler {}: it may run between any two instructions of the program, and may "
        "call async-signal-safe functions only.",
        with_place(*handler.function));
  if (facts.where_is_bystander) return advice_on_own_thread(facts);
  const bool calls_native_code = facts.where && !facts.where_is_native && left_the_interpreter(facts);
  if (calls_native_code && !facts.where->source.empty())
    return fmt::format("Check what {} passes into native code: {}", line_name(facts), trim(facts.where->source));
  return {};
}

std::string quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

}  // namespace segwhy
