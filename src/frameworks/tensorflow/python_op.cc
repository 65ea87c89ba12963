#include "frameworks/tensorflow/python_op.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/file.h"
#include "base/text.h"
#include "frameworks/tensorflow/objects.h"

namespace segwhy::tensorflow {
namespace {

constexpr std::size_t kMaxModuleText = 4 << 20;
constexpr std::size_t kFilesRead = 8;  // files opened for their decorations, at most

bool is_tensorflow_frame(const PythonFrame& frame) {
  return frame.file.find("-packages/tensorflow/") != std::string::npos ||
         (frame.origin == "package" && frame.file.find("/tensorflow/python/") != std::string::npos);
}

// "SparseCountSparseOutput" and "sparse_count_sparse_output" both become "sparsecountsparseoutput".
std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name)
    if (std::isalnum(static_cast<unsigned char>(c)))
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// The op of a generated wrapper, or of the part of it that runs when the fast path declines.
std::optional<std::string> op_of_wrapper(const PythonFrame& frame) {
  std::string_view function = frame.function;
  constexpr std::string_view kSlowPath = "_eager_fallback";
  if (function.ends_with(kSlowPath)) function.remove_suffix(kSlowPath.size());
  const std::string wanted = folded(function);
  for (const std::string& constant : frame.constants)
    if (is_op_name(constant) && std::isupper(static_cast<unsigned char>(constant[0])) && folded(constant) == wanted)
      return constant;
  return std::nullopt;
}

// Wrappers of TensorFlow's own ops are modules gen_*_ops.py; those of a loaded op library are compiled from text.
bool is_generated_wrapper(const PythonFrame& frame) {
  const std::string_view file = base_name(frame.file);
  return (file.starts_with("gen_") && file.ends_with("_ops.py")) || (file == "<string>" && op_of_wrapper(frame));
}

// Index of the innermost frame of the program's own code: what is called from there outward is not this call.
std::size_t program_frame(const std::vector<PythonFrame>& frames) {
  const auto is_program = [](const PythonFrame& f) {
    return !is_tensorflow_frame(f) && !is_generated_wrapper(f) && (f.origin.empty() || f.origin == "user");
  };
  return static_cast<std::size_t>(std::find_if(frames.begin(), frames.end(), is_program) - frames.begin());
}

// Wrappers of every exported function (dispatch, error filtering) stand between it and its caller.
std::optional<PythonOp> called_api(const std::vector<PythonFrame>& frames, const std::string& root) {
  const std::size_t caller = program_frame(frames);
  std::size_t read = 0;
  for (std::size_t i = caller; i-- > 0 && read < kFilesRead;) {
    if (!is_tensorflow_frame(frames[i])) continue;
    const auto text = read_file(root + frames[i].file, kMaxModuleText);
    ++read;
    if (!text) continue;
    if (const auto name = exported_name(*text, frames[i].function)) return PythonOp{"tf." + *name, true, i};
  }
  return std::nullopt;
}

std::string_view line_before(std::string_view text, std::size_t& end) {
  const std::size_t start = end == 0 ? 0 : text.rfind('\n', end - 1) + 1;  // npos + 1 is 0
  const std::string_view line = text.substr(start, end - start);
  end = start == 0 ? 0 : start - 1;
  return line;
}

}  // namespace

bool runs_tensorflow_python(const std::vector<PythonFrame>& frames) {
  const std::size_t caller = program_frame(frames);
  return std::any_of(frames.begin(), frames.begin() + static_cast<std::ptrdiff_t>(caller),
                     [](const PythonFrame& f) { return is_tensorflow_frame(f) || is_generated_wrapper(f); });
}

bool runs_function(const std::vector<PythonFrame>& frames) {
  const auto program = frames.begin() + static_cast<std::ptrdiff_t>(program_frame(frames));
  return std::any_of(frames.begin(), program,
                     [](const PythonFrame& f) {
                       return f.function == "quick_execute" && f.file.ends_with("/tensorflow/python/eager/execute.py");
                     }) &&
         std::none_of(frames.begin(), program, is_generated_wrapper);
}

std::optional<std::string> exported_name(std::string_view module_text, std::string_view function) {
  const std::string definition = "\ndef " + std::string(function) + "(";
  const std::size_t at = module_text.find(definition);
  if (at == std::string_view::npos) return std::nullopt;
  // Decorations stand directly above, each starting with '@' at the margin and going on in indented lines.
  std::size_t end = at;
  std::size_t start = at;
  while (end > 0) {
    const std::string_view line = line_before(module_text, end);
    if (line.empty() || (line[0] != '@' && line[0] != ' ' && line[0] != ')')) break;
    start = end;
  }
  const std::string_view above = module_text.substr(start, at - start);
  const std::size_t decoration = above.find("@tf_export(");
  if (decoration == std::string_view::npos) return std::nullopt;
  const std::size_t open = above.find_first_of("\"')", decoration);
  if (open == std::string_view::npos || above[open] == ')') return std::nullopt;
  const std::size_t close = above.find(above[open], open + 1);
  if (close == std::string_view::npos) return std::nullopt;
  const std::string_view name = above.substr(open + 1, close - open - 1);
  return is_op_name(name) || is_node_name(name) ? std::optional<std::string>(name) : std::nullopt;
}

std::optional<PythonOp> op_in_python_frames(const std::vector<PythonFrame>& frames, const std::string& root) {
  const std::size_t caller = program_frame(frames);
  for (std::size_t i = 0; i < caller; ++i) {
    if (!is_generated_wrapper(frames[i])) continue;
    if (auto op = op_of_wrapper(frames[i])) return PythonOp{std::move(*op), false, i};
  }
  return called_api(frames, root);
}

}  // namespace segwhy::tensorflow
