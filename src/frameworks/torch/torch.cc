#include "frameworks/torch/torch.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace segwhy::torch {
namespace {

bool is_torch_module(const std::string& path) {
  return path.find("-packages/torch/") != std::string::npos || base_name(path).starts_with("libtorch");
}

// The identifier at the start of `text`, if `after` follows it.
std::string identifier_before(std::string_view text, std::string_view after) {
  const auto end = std::find_if_not(text.begin(), text.end(),
                                    [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; });
  const auto length = static_cast<std::size_t>(end - text.begin());
  return length > 0 && text.substr(length).starts_with(after) ? std::string(text.substr(0, length)) : std::string();
}

std::string op_after(std::string_view function, std::string_view scope, std::string_view after) {
  const std::size_t at = function.find(scope);
  if (at == std::string_view::npos) return {};
  const std::string name = identifier_before(function.substr(at + scope.size()), after);
  return name.empty() ? name : "aten::" + name;
}

struct Found {
  std::string op;
  const char* confidence = "";
};

// The dispatcher's frame names the operator itself; the function that implements it, mostly.
Found find_op(const std::vector<NativeFrame>& frames) {
  for (const NativeFrame& frame : frames)
    if (const std::string op = dispatched_op(frame.function); !op.empty()) return {op, "certain"};
  for (const NativeFrame& frame : frames)
    if (const std::string op = native_op(frame.function); !op.empty()) return {op, "likely"};
  return {};
}

}  // namespace

std::string dispatched_op(std::string_view function) {
  const std::string called = op_after(function, "at::_ops::", "::call(");
  return called.empty() ? op_after(function, "at::_ops::", "::redispatch(") : called;
}

std::string native_op(std::string_view function) {
  // A function of the namespace itself: helpers live in namespaces and templates of their own.
  return function.starts_with("at::native::") ? op_after(function, "at::native::", "(") : std::string();
}

std::optional<Framework> read_torch(const std::vector<Thread>& threads, const std::vector<Module>& modules) {
  const auto crashed = std::find_if(threads.begin(), threads.end(), [](const Thread& t) { return t.crashed; });
  if (crashed == threads.end()) return std::nullopt;
  const bool took_part = std::any_of(crashed->native.begin(), crashed->native.end(),
                                     [](const NativeFrame& f) { return is_torch_module(f.module); });
  if (!took_part) return std::nullopt;
  Framework out;
  out.name = "torch";
  for (const Module& module : modules)
    if (is_torch_module(module.path) && !module.package_version.empty()) out.version = module.package_version;
  const Found found = find_op(crashed->native);
  if (!found.op.empty()) out.op = found.op, out.found_by = "native-frame", out.confidence = found.confidence;
  return out;
}

}  // namespace segwhy::torch
