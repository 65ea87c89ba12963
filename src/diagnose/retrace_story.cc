#include "diagnose/retrace_story.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "diagnose/narrate.h"

namespace segwhy {
namespace {

constexpr std::uint64_t kLeastTraces = 12;
constexpr std::uint64_t kLateShare = 5;  // of all traces, in the last third of the time

std::string caller_of(const TracedFunction& function) {
  return short_place(function.call_file, function.call_line);
}

std::string text_of(const TraceDifference& difference) {
  const std::string& kind = difference.kind;
  if (kind == "function") return "it was another function object, made of the same code,";
  if (kind == "arguments") return "it was called with other arguments";
  const std::string what = kind == "number"   ? "was another Python number"
                           : kind == "text"   ? "was another str"
                           : kind == "shape"  ? "had another shape"
                           : kind == "dtype"  ? "had elements of another type"
                           : kind == "object" ? "was another object"
                                              : "was of another kind";
  return fmt::format("argument {} {}", difference.argument, what);
}

std::string values_of(const TraceDifference& difference) {
  if (difference.before.empty() || difference.after.empty()) return "";
  if (difference.before == difference.after) return fmt::format(" ({})", difference.after);
  return fmt::format(" ({}, then {})", difference.before, difference.after);
}

}  // namespace

bool keeps_retracing(const TracedFunction& function) {
  return function.traces >= kLeastTraces && function.late * kLateShare >= function.traces;
}

const TracedFunction* retraced_at(const MemorySite& site, const MemoryUse& memory) {
  const auto found = std::find_if(memory.retracing.begin(), memory.retracing.end(), [&site](const auto& function) {
    if (!keeps_retracing(function) || site.file.empty()) return false;
    const bool at_call = function.call_file == site.file && function.call_line == site.line;
    return at_call || (function.file == site.file && function.function == site.function);
  });
  return found != memory.retracing.end() ? &*found : nullptr;
}

std::string traced_name(const TracedFunction& function) {
  if (function.library) return function.function;
  return fmt::format("{} ({})", function.function, short_place(function.file, function.line));
}

std::string what_differed(const TracedFunction& function) {
  constexpr std::size_t kMostTold = 2;
  std::string out;
  for (std::size_t i = 0; i < std::min(function.differences.size(), kMostTold); ++i) {
    const TraceDifference& difference = function.differences[i];
    // What came along in a few of many is not what it is about.
    if (difference.count * 2 < function.differences.front().count) break;
    out += fmt::format("{}{} in {} of {} traces{}", out.empty() ? "" : "; ", text_of(difference), difference.count,
                       function.compared, values_of(difference));
  }
  return out;
}

std::string retrace_sentence(const TracedFunction& function) {
  const std::string caller = caller_of(function), differed = what_differed(function);
  return fmt::format("{}{} was traced {} times{}.", traced_name(function),
                     caller.empty() ? "" : fmt::format(", called at {},", caller), function.traces,
                     differed.empty() ? "" : ": " + differed);
}

std::string retrace_advice(const TracedFunction& function) {
  const std::string name = traced_name(function), caller = caller_of(function);
  const std::string at = caller.empty() ? "" : " at " + caller;
  const std::string kind = function.differences.empty() ? "" : function.differences.front().kind;
  const std::string argument = function.differences.empty() ? "" : function.differences.front().argument;
  if (kind == "number")
    return fmt::format("Pass {} to {} as a tensor{} (tf.constant): each Python number is traced anew.", argument, name,
                       at);
  if (kind == "shape")
    return fmt::format(
        "Give {} an input_signature with None where the shape of {} varies, or reduce_retracing=True "
        "(experimental_relax_shapes=True in older versions), or bring {} to one shape{}.",
        name, argument, argument, at);
  if (kind == "function")
    return fmt::format("Make the tf.function of {} once, outside of what repeats, and use that one{}.", name, at);
  if (kind == "object")
    return fmt::format("Pass {} to {} as one object that is made once{}: each new one is traced anew.", argument, name,
                       at);
  if (kind == "text") return fmt::format("Pass {} to {} as a tensor{}, or keep to a few values.", argument, name, at);
  return fmt::format("Call {} with arguments of the same kinds and shapes{}.", name, at);
}

}  // namespace segwhy
