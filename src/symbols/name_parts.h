// A demangled C++ or Rust name taken apart: "tensorflow::SparseCount<long>::Compute(tensorflow::OpKernelContext*)" is
// [tensorflow] [SparseCount <long>] [Compute]. Return type, parameters, qualifiers and clone suffixes are left out.
// Pure; the parts point into the text.
#pragma once

#include <string_view>
#include <vector>

namespace segwhy {

struct NamePart {
  std::string_view name;  // empty for Rust's "<T as Trait>"
  std::vector<std::string_view> arguments;
  bool has_arguments = false;
};

// Empty when the text is no name of these forms.
[[nodiscard]] std::vector<NamePart> name_parts(std::string_view text);

}  // namespace segwhy
