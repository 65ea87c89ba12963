#include "frameworks/tensorflow/node_lines.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <unordered_map>

namespace segwhy::tensorflow {
namespace {

constexpr int kMaxInlining = 32;            // functions inlined into one another
constexpr std::size_t kMaxSteps = 1 << 20;  // of a search, over all
constexpr std::size_t kMaxOrigins = 4096;   // nodes of one name that are looked at

using Graphs = std::set<std::uint32_t>;

// Data pipelines run their functions on threads of their own, whatever Python does meanwhile.
bool is_pipeline_function(std::string_view name) {
  return name.find("Dataset") != std::string_view::npos;
}

// "body/_1/add" is "add" in the function that a lowered loop had as its body; the same of branches.
std::optional<std::string_view> without_lowered_part(std::string_view name) {
  const std::size_t slash = name.find("/_");
  if (slash == std::string_view::npos || name.substr(0, slash).find('/') != std::string_view::npos) return std::nullopt;
  std::size_t at = slash + 2;
  const std::size_t digits = at;
  while (at < name.size() && std::isdigit(static_cast<unsigned char>(name[at])) != 0) ++at;
  if (at == digits || at == name.size() || name[at] != '/') return std::nullopt;
  return name.substr(at + 1);
}

class Search {
 public:
  Search(const NodeTable& table, const NodeQuery& query) : table_(table), query_(query) {
    for (const wire::CallRecord& call : table.calls()) calls_[call.graph].push_back(&call);
    for (const wire::FunctionRecord& function : table.functions()) functions_[function.name].push_back(function.graph);
    for (std::uint32_t i = 0; i < table.nodes().size(); ++i) {
      const wire::NodeRecord& node = table.nodes()[i];
      by_name_[table.text(node.name)].push_back(i);
      all_.insert(node.graph);
    }
  }

  // Indices of the nodes that the name can mean.
  [[nodiscard]] std::set<std::uint32_t> nodes() {
    const Graphs graphs = candidates();
    for (const std::uint32_t graph : graphs) descend(graph, query_.name, 0);
    return std::move(found_);
  }

  // False when the search was given up: there may be more.
  [[nodiscard]] bool is_exhaustive() const { return steps_ <= kMaxSteps; }

  // The one function whose body holds all of these nodes; empty where several can be meant.
  [[nodiscard]] std::string function_of(const std::set<std::uint32_t>& nodes) const {
    std::set<std::string_view> names;
    for (const std::uint32_t index : nodes)
      for (const wire::FunctionRecord& function : table_.functions())
        if (function.graph == table_.nodes()[index].graph) names.insert(table_.text(function.name));
    return names.size() == 1 ? std::string(*names.begin()) : std::string();
  }

  // Nodes of that very name in any graph.
  [[nodiscard]] std::vector<std::uint32_t> named(std::string_view name) const {
    const auto it = by_name_.find(name);
    return it != by_name_.end() ? it->second : std::vector<std::uint32_t>();
  }

 private:
  // The graphs that can be running: those that a Python thread called, those of data pipelines, and what they call.
  // All of them where it is not known what is called.
  Graphs candidates() {
    Graphs roots;
    for (const wire::RunningGraph& running : table_.running()) {
      if (query_.python_thread && running.thread != *query_.python_thread) continue;
      if (running.graph == 0) return all_;
      roots.insert(running.graph);
    }
    if (roots.empty()) return all_;
    for (const wire::FunctionRecord& function : table_.functions())
      if (is_pipeline_function(table_.text(function.name))) roots.insert(function.graph);
    Graphs reached;
    std::vector<std::uint32_t> open(roots.begin(), roots.end());
    while (!open.empty()) {
      const std::uint32_t graph = open.back();
      open.pop_back();
      if (!reached.insert(graph).second) continue;
      for (const wire::CallRecord* call : calls_of(graph)) {
        const auto it = functions_.find(call->function);
        if (call->function == 0 || it == functions_.end()) return all_;
        open.insert(open.end(), it->second.begin(), it->second.end());
      }
    }
    return reached;
  }

  [[nodiscard]] const std::vector<const wire::CallRecord*>& calls_of(std::uint32_t graph) const {
    static const std::vector<const wire::CallRecord*> kNone;
    const auto it = calls_.find(graph);
    return it != calls_.end() ? it->second : kNone;
  }

  // Nodes that `name` means in `graph`, its own and those of functions that were inlined into it.
  void descend(std::uint32_t graph, std::string_view name, int depth) {
    if (depth == kMaxInlining || steps_ > kMaxSteps || !visited_.emplace(graph, name).second) return;
    if (const auto it = by_name_.find(name); it != by_name_.end()) {
      for (const std::uint32_t node : it->second) {
        ++steps_;
        if (table_.nodes()[node].graph == graph && is_op(table_.nodes()[node])) found_.insert(node);
      }
    }
    for (const wire::CallRecord* call : calls_of(graph)) {
      ++steps_;
      const std::string_view prefix = table_.text(call->node);
      if (prefix.empty() || name.size() <= prefix.size() + 1 || !name.starts_with(prefix) || name[prefix.size()] != '/')
        continue;
      descend_into(*call, name.substr(prefix.size() + 1), depth + 1);
    }
  }

  void descend_into(const wire::CallRecord& call, std::string_view rest, int depth) {
    const auto it = functions_.find(call.function);
    if (call.function == 0 || it == functions_.end()) return;
    const auto lowered = without_lowered_part(rest);
    for (const std::uint32_t graph : it->second) {
      descend(graph, rest, depth);
      if (lowered) descend(graph, *lowered, depth);
    }
  }

  // The runtime may put an op of its own in an op's place: "_FusedMatMul", "_MklConv2D".
  [[nodiscard]] bool is_op(const wire::NodeRecord& node) const {
    return query_.op.starts_with('_') || table_.text(node.op) == query_.op;
  }

  const NodeTable& table_;
  const NodeQuery& query_;
  Graphs all_;
  std::unordered_map<std::uint32_t, std::vector<const wire::CallRecord*>> calls_;  // by graph
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> functions_;        // graphs by name
  std::unordered_map<std::string_view, std::vector<std::uint32_t>> by_name_;       // nodes
  std::set<std::pair<std::uint32_t, std::string_view>> visited_;
  std::set<std::uint32_t> found_;
  std::size_t steps_ = 0;
};

// The lines of these nodes, each once; false when one has none.
template <class Nodes>
bool add_lines(const NodeTable& table, const Nodes& nodes, std::vector<CodeLine>& lines) {
  bool complete = !nodes.empty() && nodes.size() <= kMaxOrigins;
  std::set<std::pair<std::uint32_t, std::int32_t>> seen;
  std::size_t looked_at = 0;
  for (const std::uint32_t index : nodes) {
    if (++looked_at > kMaxOrigins) break;
    const wire::NodeRecord& node = table.nodes()[index];
    if (!seen.emplace(node.code, node.instruction).second) continue;
    auto line = table.line_of(node);
    if (!line) {
      complete = false;
    } else if (std::find(lines.begin(), lines.end(), *line) == lines.end()) {
      lines.push_back(std::move(*line));
    }
  }
  return complete;
}

}  // namespace

NodeOrigin find_origin(const NodeTable& table, const NodeQuery& query) {
  Search search(table, query);
  NodeOrigin out;
  const std::set<std::uint32_t> nodes = search.nodes();
  out.complete = add_lines(table, nodes, out.lines) && search.is_exhaustive();
  if (nodes.size() <= kMaxOrigins && search.is_exhaustive()) out.function = search.function_of(nodes);
  std::set<std::string_view> forward;
  for (const std::uint32_t index : nodes) forward.insert(table.text(table.nodes()[index].forward));
  if (forward.size() != 1 || forward.begin()->empty()) return out;
  out.forward = *forward.begin();
  std::vector<CodeLine> lines;
  if (add_lines(table, search.named(out.forward), lines) && lines.size() == 1) out.forward_line = lines.front();
  return out;
}

}  // namespace segwhy::tensorflow
