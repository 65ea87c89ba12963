// HolderHistory: how long the program's containers were over the run, and which of them grew as a line's bytes did.
//
// In bounded space: so many containers, so many points of each. Containers are known by their path, so that one that
// is made anew under its name is the same. Single-threaded.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "evidence/model/memory.h"
#include "pystate/variables.h"

namespace segwhy::memory {

struct LengthPoint {
  double at_s = 0;
  std::uint64_t length = 0;
};

// A container that had a name at some look.
struct NamedContainer {
  std::string path, name, type;
  std::vector<LengthPoint> series;  // ascending
  pystate::ItemWeight weight;       // of its newest items, when it was last weighed
  std::uint64_t weighed_at = 0;     // its length then
  std::uint64_t shortest = 0;       // it has been
};

class HolderHistory {
 public:
  static constexpr std::size_t kPoints = 240;  // of a series
  static constexpr std::size_t kContainers = 512;

  // One look. Asks for the weight of what has become longer since it was last weighed.
  void add(double at_s, pystate::Variables& variables, const std::vector<pystate::Variable>& found);

  [[nodiscard]] const std::vector<NamedContainer>& containers() const { return containers_; }

 private:
  std::vector<NamedContainer> containers_;
  std::map<std::string, std::size_t> by_path_;
};

// The containers that may hold what a line gained: their length rose in proportion to `line`, the series of the line's
// live bytes, and their items weigh enough, or it is not known what they weigh (then Holder::bytes is absent). Most
// convincing first. `source`: text of the line; a name in it puts a container before its equals, and no more. Pure.
[[nodiscard]] std::vector<Holder> holders_of(const std::vector<SitePoint>& line, const std::string& source,
                                             const std::vector<NamedContainer>& containers);

}  // namespace segwhy::memory
