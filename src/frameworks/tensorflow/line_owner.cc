#include "frameworks/tensorflow/line_owner.h"

#include "pystate/origin.h"
#include "pystate/runtime_locator.h"

namespace segwhy::tensorflow {

LineOwner::LineOwner(const Snapshot& snapshot) : root_(snapshot.root) {
  if (const auto runtime = pystate::locate_runtime(snapshot))
    stdlib_ = pystate::find_stdlib(snapshot, runtime->module, runtime->minor);
}

std::string LineOwner::origin_of(const CodeLine& line) const {
  return std::string(pystate::origin_of(line.file, stdlib_, root_));
}

bool LineOwner::is_program(const CodeLine& line) const {
  return origin_of(line) == pystate::kOriginUser;
}

}  // namespace segwhy::tensorflow
