// Variables: the containers that a running program's variables hold, with their names: globals of the modules whose
// code is being executed, locals of those functions, and one level of attributes of instances in either.
//
// One look at a process that runs: what is torn is left out. CPython 3.8 to 3.13. Does not own the memory and the
// layout. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "pystate/code_objects.h"
#include "pystate/containers.h"
#include "pystate/frame_chain.h"
#include "pystate/item_weight.h"

namespace segwhy::pystate {

struct Variable {
  std::string root;  // "__main__", "__main__.train()", "__main__.trainer"
  std::string name;
  std::string type;  // of the container
  std::uint64_t length = 0;
  TargetAddr object;
};

class Variables {
 public:
  // Tells from a code object's file whether the code is the user's.
  using IsUser = std::function<bool(const std::string& file)>;

  Variables(MemoryReader& memory, const Layout& layout)
      : objects_(memory, layout), codes_(objects_), containers_(objects_) {}
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

  // Each container once: as a global where it is one, else as an attribute or the outermost function's local. At most
  // kMost. Empty when nothing can be read.
  [[nodiscard]] std::vector<Variable> read(TargetAddr runtime, const IsUser& is_user);
  static constexpr std::size_t kMost = 256;

  // What the last `newest` items of one that read() gave weigh.
  [[nodiscard]] ItemWeight weigh(const Variable& variable, std::uint64_t newest) {
    return weigh_items(objects_, containers_, variable.object, newest);
  }

 private:
  struct Named {
    std::string root;
    TargetAddr name, object;
  };
  void read_frame(const RawFrame& frame, std::vector<Named>& globals, std::vector<Named>& locals);
  [[nodiscard]] std::string module_name(const std::vector<DictItem>& globals);
  void take_containers(const std::vector<Named>& from, std::vector<Variable>& to);
  void take_attributes(const std::vector<Named>& from, std::vector<Variable>& to);
  void take(const Named& named, std::vector<Variable>& to);
  [[nodiscard]] std::string name_at(TargetAddr text);

  ObjectReader objects_;
  CodeObjects codes_;
  ContainerReader containers_;
  std::unordered_set<std::uint64_t> seen_;                  // containers and instances
  std::unordered_map<std::uint64_t, std::string> modules_;  // by their dict of globals
};

}  // namespace segwhy::pystate
