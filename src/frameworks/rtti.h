// C++ run-time type information of the target (Itanium ABI): what class an object is of, and what it derives from.
//
// Names are the mangled ones of the type_info objects ("N10tensorflow8OpKernelE"); they are in every wheel because
// dynamic_cast and exceptions need them. Answers are remembered per virtual table. Borrows the view; not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "frameworks/target_view.h"

namespace segwhy {

struct ClassInfo {
  std::string name;                // mangled, of the most derived class
  std::vector<std::string> bases;  // mangled, all of them, nearest first
  std::int64_t offset_to_top = 0;  // of the subobject whose virtual table this is

  // Is it `type` or derived from it.
  [[nodiscard]] bool is_a(std::string_view type) const;
};

class RttiReader {
 public:
  explicit RttiReader(TargetView& view) : view_(view) {}

  // nullptr when there is no object with a virtual table at `object`. Valid as long as the reader.
  [[nodiscard]] const ClassInfo* class_of_object(std::uint64_t object);

 private:
  enum class Kind { kNotTypeInfo, kClass, kSingleBase, kManyBases };

  [[nodiscard]] std::unique_ptr<ClassInfo> read_class(std::uint64_t vtable);
  [[nodiscard]] Kind kind_of(std::uint64_t type_info);
  [[nodiscard]] std::optional<std::string> name_of(std::uint64_t type_info);
  [[nodiscard]] std::vector<std::uint64_t> direct_bases(std::uint64_t type_info, Kind kind);

  TargetView& view_;
  std::unordered_map<std::uint64_t, std::unique_ptr<ClassInfo>> classes_;  // by virtual table; null: none there
  std::unordered_map<std::uint64_t, Kind> kinds_;                          // by the type_info's own virtual table
};

// "tensorflow::OpKernel" from "N10tensorflow8OpKernelE"; the mangled name itself when it does not demangle.
[[nodiscard]] std::string demangled_type(const std::string& mangled);

}  // namespace segwhy
