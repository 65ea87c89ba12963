// PyTorch's part of framework.h: the ATen operator in flight, from the names of native frames. Nothing is read from
// memory.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/model/case.h"

namespace segwhy::torch {

[[nodiscard]] std::optional<Framework> read_torch(const std::vector<Thread>& threads,
                                                  const std::vector<Module>& modules);

// "aten::addmm" from "at::_ops::addmm::call(at::Tensor const&, ...)"; empty for any other function. Pure.
[[nodiscard]] std::string dispatched_op(std::string_view function);

// "aten::addmm" from "at::native::addmm(...)": the operator's CPU or common implementation. Pure.
[[nodiscard]] std::string native_op(std::string_view function);

}  // namespace segwhy::torch
