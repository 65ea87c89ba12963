// Whose code a line is: the program's own, or a library's. As pystate says it of frames, for lines that come from
// elsewhere (graph nodes, AutoGraph's maps). Const after construction, so safe to share.
#pragma once

#include <string>
#include <vector>

#include "evidence/model/snapshot.h"
#include "frameworks/tensorflow/node_table.h"

namespace segwhy::tensorflow {

class LineOwner {
 public:
  explicit LineOwner(const Snapshot& snapshot);

  // One of pystate::kOrigin..., as in PythonFrame::origin.
  [[nodiscard]] std::string origin_of(const CodeLine& line) const;
  [[nodiscard]] bool is_program(const CodeLine& line) const;

 private:
  std::string root_;
  std::vector<std::string> stdlib_;
};

}  // namespace segwhy::tensorflow
