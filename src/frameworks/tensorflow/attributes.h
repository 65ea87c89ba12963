// The attributes of a node, as text: what a kernel was built with.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "frameworks/tensorflow/objects.h"

namespace segwhy::tensorflow {

// By name, of the NodeDef at `node_def`: {"padding": "VALID", "strides": "[1, 2, 2, 1]", "T": "float32"}. Numbers,
// truth values, types, short texts and lists of numbers; others, and those that TensorFlow keeps for itself ("_class"),
// are left out, and so is everything when the map is not whole.
[[nodiscard]] std::map<std::string, std::string> read_attributes(Objects& objects, std::uint64_t node_def);

}  // namespace segwhy::tensorflow
