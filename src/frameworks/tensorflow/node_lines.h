// From the node of a running kernel to the line of Python that created it.
//
// A node's name as the executor has it is resolved in the graphs that can be running: functions that were inlined left
// the names of their call nodes in front ("while/body/_1/add"), so each part in front must be a call of the graph whose
// node comes next. All nodes that the name can mean are taken; a line is given only where all of them have that one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frameworks/tensorflow/node_table.h"

namespace segwhy::tensorflow {

struct NodeQuery {
  std::string_view name, op;
  // pthread_self() of the crashed thread when it runs Python itself: then the graph runs on its behalf and no other.
  std::optional<std::uint64_t> python_thread;
};

struct NodeOrigin {
  std::vector<CodeLine> lines;  // of the nodes that can be meant, each once
  bool complete = false;        // every node that can be meant has its line among them
  std::string function;         // whose body holds them all, by its name in the runtime; empty: several can be meant
  std::string forward;          // of a gradient's node: the node that it belongs to the gradient of
  std::optional<CodeLine> forward_line;
};

// Empty when no node of that name is known.
[[nodiscard]] NodeOrigin find_origin(const NodeTable& table, const NodeQuery& query);

}  // namespace segwhy::tensorflow
