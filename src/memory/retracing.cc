#include "memory/retracing.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "base/text.h"

namespace segwhy::memory {
namespace {

constexpr std::size_t kFunctionsTold = 32;
constexpr std::size_t kDifferencesTold = 8;
constexpr double kLateShare = 3;

// "float32(64, 3)": type and shape.
std::pair<std::string, std::string> parts_of_tensor(const std::string& text) {
  const std::size_t at = std::min(text.find('('), text.size());
  return {text.substr(0, at), text.substr(at)};
}

// "function 7f0c1b2a9d30": the type alone.
std::string type_of_object(const std::string& text) {
  return text.substr(0, text.rfind(' '));
}

std::string shown(const SignaturePart& part) {
  return part.kind == wire::kSignatureObject ? type_of_object(part.text) : part.text;
}

std::string kind_of_difference(const SignaturePart& before, const SignaturePart& after) {
  if (before.kind != after.kind) return "type";
  switch (after.kind) {
    case wire::kSignatureNumber:
      return "number";
    case wire::kSignatureText:
      return "text";
    case wire::kSignatureTensor:
      return parts_of_tensor(before.text).first == parts_of_tensor(after.text).first ? "shape" : "dtype";
    case wire::kSignatureObject:
      return type_of_object(before.text) == type_of_object(after.text) ? "object" : "type";
    default:
      return "type";
  }
}

bool same_names(const std::vector<SignaturePart>& a, const std::vector<SignaturePart>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const SignaturePart& x, const SignaturePart& y) { return x.name == y.name; });
}

// One function, as it is told.
class Group {
 public:
  void add(const Trace& trace, double at_s, std::optional<std::vector<TraceDifference>> differences) {
    if (times_.empty()) function.first_s = at_s;
    function.last_s = at_s;
    times_.push_back(at_s);
    function.traces = times_.size();
    stack = trace.stack;
    if (!differences) return;
    ++function.compared;
    for (TraceDifference& difference : *differences) {
      TraceDifference& sum = sums_[{difference.kind, difference.argument}];
      const std::uint64_t count = sum.count + 1;
      sum = std::move(difference);
      sum.count = count;
    }
  }

  void finish(double end_s) {
    const double from = end_s - (end_s - function.first_s) / kLateShare;
    function.late = static_cast<std::uint64_t>(
        std::count_if(times_.begin(), times_.end(), [from](double at_s) { return at_s >= from; }));
    for (auto& [key, sum] : sums_) function.differences.push_back(std::move(sum));
    std::stable_sort(function.differences.begin(), function.differences.end(),
                     [](const auto& a, const auto& b) { return a.count > b.count; });
    if (function.differences.size() > kDifferencesTold) function.differences.resize(kDifferencesTold);
  }

  // `traces`: with those that found no room, which came last.
  void add_lost(std::uint64_t traces) {
    if (traces <= function.traces) return;
    function.late += traces - function.traces;
    function.traces = traces;
  }

  TracedFunction function;
  std::uint32_t stack = 0;  // of the last call

 private:
  std::vector<double> times_;
  std::map<std::pair<std::string, std::string>, TraceDifference> sums_;
};

// What is known of the function itself; nullopt: its code cannot be read.
std::optional<TracedFunction> described(std::uint32_t code, history::StackReader& stacks, LineNamer& namer) {
  const auto stack = stacks.read(code);
  if (!stack || stack->python.size() != 1) return std::nullopt;
  const history::RecordedPythonFrame& frame = stack->python.front();
  TracedFunction out;
  out.file = to_valid_utf8(frame.file);
  out.function = to_valid_utf8(frame.function);
  out.line = frame.location.line;
  out.library = !namer.is_user(frame.file);
  return out;
}

}  // namespace

std::vector<TraceDifference> differences_of(const Trace& before, const Trace& after) {
  // Another function object has a cache of its own: what its arguments are is not why it was traced.
  if (after.other_object) return {{"function", "", 1, "", ""}};
  if (!same_names(before.signature, after.signature)) return {{"arguments", "", 1, "", ""}};
  std::vector<TraceDifference> out;
  for (std::size_t i = 0; i < after.signature.size(); ++i) {
    const SignaturePart &was = before.signature[i], &is = after.signature[i];
    if (was.kind == is.kind && was.text == is.text) continue;
    out.push_back({kind_of_difference(was, is), is.name, 1, shown(was), shown(is)});
  }
  return out;
}

std::vector<TracedFunction> retraced(const TraceTable& table, history::StackReader& stacks, LineNamer& namer,
                                     const Moment& moment, double end_s) {
  std::vector<std::optional<TracedFunction>> functions;
  for (const auto& function : table.functions) functions.push_back(described(function.code, stacks, namer));
  std::map<std::uint32_t, LineKey> callers;  // by stack
  std::map<std::tuple<std::uint32_t, std::string, int>, Group> groups;
  std::vector<const Trace*> last(functions.size());
  for (const Trace& trace : table.traces) {
    const Trace* const before = std::exchange(last[trace.function], &trace);
    if (!functions[trace.function]) continue;
    const auto [caller, added] = callers.try_emplace(trace.stack);
    if (const auto stack = added ? stacks.read(trace.stack) : std::nullopt) caller->second = namer.key_of(*stack);
    const bool library = functions[trace.function]->library;
    Group& group = groups[{trace.function, library ? caller->second.file : std::string(),
                           library ? caller->second.line.value_or(0) : 0}];
    if (group.function.traces == 0) group.function = *functions[trace.function];
    group.add(trace, moment(trace.ticks),
              before != nullptr ? std::optional(differences_of(*before, trace)) : std::nullopt);
  }
  std::vector<TracedFunction> out;
  for (auto& [key, group] : groups) {
    group.finish(end_s);
    const LineKey& caller = callers[group.stack];
    group.function.call_file = to_valid_utf8(caller.file);
    group.function.call_line = caller.line;
    // Those that found no room are counted where it is known whose they are.
    if (!group.function.library) group.add_lost(table.functions[std::get<0>(key)].traces);
    if (group.function.traces > 1) out.push_back(std::move(group.function));
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.traces > b.traces; });
  if (out.size() > kFunctionsTold) out.resize(kFunctionsTold);
  return out;
}

}  // namespace segwhy::memory
