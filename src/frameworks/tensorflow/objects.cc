#include "frameworks/tensorflow/objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "frameworks/tensorflow/data_types.h"

namespace segwhy::tensorflow {
namespace {

constexpr std::uint64_t kMaxText = 4096;
constexpr std::uint64_t kMaxInputs = 4096;
constexpr std::uint64_t kMaxInputsShown = 32;
constexpr std::uint64_t kMaxDimensions = 254;      // TensorShape::MaxDimensions()
constexpr std::uint64_t kMaxPreview = 16;          // elements
constexpr std::uint64_t kMaxExamined = 256 << 10;  // bytes of integers of which the extremes are looked for
constexpr std::size_t kVirtualFunctions = 16;
constexpr char kTensorBufferType[] = "N10tensorflow12TensorBufferE";
constexpr char kDeviceType[] = "N10tensorflow6DeviceE";

// absl::InlinedVector: a word of size * 2 + "on the heap", then the elements or a pointer to them.
struct InlinedVector {
  std::uint64_t data = 0, size = 0;
};

std::optional<InlinedVector> inlined_vector(TargetView& view, std::uint64_t at, std::uint64_t max) {
  const auto tag = view.word(at);
  if (!tag || *tag / 2 > max) return std::nullopt;
  if (*tag % 2 == 0) return InlinedVector{at + 8, *tag / 2};
  const auto data = view.word(at + 8);
  if (!data) return std::nullopt;
  return InlinedVector{*data, *tag / 2};
}

bool is_name(std::string_view text, std::string_view others) {
  return !text.empty() && text.size() <= kMaxText &&
         (std::isalnum(static_cast<unsigned char>(text[0])) || text[0] == '_' || text[0] == '.') &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) || others.find(c) != std::string_view::npos;
         });
}

bool is_device_name(std::string_view text) {
  return text.starts_with('/') && is_name(text.substr(1), "_/:-@");
}

// The product of the dimensions; nullopt when one is negative or it does not fit.
std::optional<std::uint64_t> element_count(const std::vector<std::int64_t>& shape) {
  std::uint64_t out = 1;
  for (const std::int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (__builtin_mul_overflow(out, static_cast<std::uint64_t>(size), &out)) return std::nullopt;
  }
  return out;
}

}  // namespace

bool is_op_name(std::string_view text) {
  return is_name(text, "_>.");
}
bool is_node_name(std::string_view text) {
  return is_name(text, "_>./\\-^:");
}

bool Objects::is_kernel(std::uint64_t object) {
  const ClassInfo* found = rtti_.class_of_object(object);
  return found != nullptr && found->is_a(kOpKernelType);
}

bool Objects::is_device(std::uint64_t object) {
  const ClassInfo* found = rtti_.class_of_object(object);
  return found != nullptr && found->is_a(kDeviceBaseType);
}

std::optional<Kernel> Objects::read_kernel(std::uint64_t object) {
  const ClassInfo* found = rtti_.class_of_object(object);
  if (found == nullptr || !found->is_a(kOpKernelType)) return std::nullopt;
  Kernel out;
  out.address = object;
  out.class_name = found->name;
  if (layout_ == nullptr ? fill_by_views(out) : fill_by_layout(out)) return out;
  return std::nullopt;
}

// The kernel's views and its NodeDef must name the same node, and the OpDef, which is another object, the same op.
bool Objects::fill_by_layout(Kernel& kernel) {
  const auto props = view_.word(kernel.address + layout_->kernel_props);
  const auto node = props ? read_node_properties(*props) : std::nullopt;
  const auto type_view = string_view_at(kernel.address + layout_->kernel_type_view);
  const auto name_view = string_view_at(kernel.address + layout_->kernel_name_view);
  if (!node || type_view != node->op || name_view != node->name) return false;
  kernel.node = *node;
  auto inputs = read_types(*props + layout_->props_input_types);
  if (!inputs) return false;
  kernel.input_types = std::move(*inputs);
  // What the outputs are is worth less than the kernel.
  kernel.output_types = read_types(*props + layout_->props_output_types).value_or(std::vector<std::uint32_t>());
  return true;
}

// A DataTypeVector.
std::optional<std::vector<std::uint32_t>> Objects::read_types(std::uint64_t at) {
  const auto types = inlined_vector(view_, at, kMaxInputs);
  if (!types) return std::nullopt;
  std::vector<std::uint32_t> out;
  for (std::uint64_t i = 0; i < types->size; ++i) {
    const auto type = view_.value<std::uint32_t>(types->data + 4 * i);
    if (!type || data_type(*type) == nullptr) return std::nullopt;
    out.push_back(*type);
  }
  return out;
}

// Without a layout: every version so far has kept two string_views side by side in OpKernel, the node's name and its
// op. Found as the only such pair near the object's start.
bool Objects::fill_by_views(Kernel& kernel) {
  constexpr std::uint64_t kSearched = 512;
  std::optional<Node> only;
  for (std::uint64_t at = 8; at < kSearched; at += 8) {
    const auto name = string_view_at(kernel.address + at);
    const auto op = name && is_node_name(*name) ? string_view_at(kernel.address + at + 16) : std::nullopt;
    if (!op || !is_op_name(*op)) continue;
    if (only) return false;
    only = Node{*op, *name, {}, 0};
  }
  if (!only) return false;
  kernel.node = *only;
  return true;
}

std::optional<Node> Objects::read_node_properties(std::uint64_t props) {
  if (layout_ == nullptr || !view_.may_hold_object(props)) return std::nullopt;
  auto node = read_node_def(props + layout_->props_node_def);
  const auto op_def = node ? view_.word(props + layout_->props_op_def) : std::nullopt;
  const ClassInfo* found = op_def ? rtti_.class_of_object(*op_def) : nullptr;
  if (found == nullptr || found->name != kOpDefType) return std::nullopt;
  if (proto_string(*op_def + layout_->op_def_name) != node->op) return std::nullopt;
  return node;
}

std::optional<Node> Objects::read_node_def(std::uint64_t object) {
  const ClassInfo* found = rtti_.class_of_object(object);
  if (found == nullptr || found->name != kNodeDefType || layout_ == nullptr) return std::nullopt;
  auto op = proto_string(object + layout_->node_op);
  auto name = proto_string(object + layout_->node_name);
  auto device = proto_string(object + layout_->node_device);
  if (!op || !name || !is_op_name(*op) || !is_node_name(*name)) return std::nullopt;
  if (device && !is_device_name(*device)) device.reset();
  return Node{std::move(*op), std::move(*name), device.value_or(""), object};
}

std::string Objects::device_name(std::uint64_t device) {
  const ClassInfo* found = rtti_.class_of_object(device);
  if (found == nullptr || !found->is_a(kDeviceType) || layout_ == nullptr) return {};
  const auto name = proto_string(device + layout_->device_attributes + layout_->attributes_name);
  return name && is_device_name(*name) ? *name : std::string();
}

// Two low bits of the pointer to the string say who owns it (protobuf 3.20 and later; zero before).
std::optional<std::string> Objects::proto_string(std::uint64_t field) {
  const auto pointer = view_.word(field);
  return pointer ? string_at(*pointer & ~std::uint64_t{3}) : std::nullopt;
}

std::optional<std::string> Objects::string_at(std::uint64_t object) {
  const auto characters = view_.word(object);
  if (!characters) return std::nullopt;
  const auto size = view_.word(layout_->string_cow ? *characters - 24 : object + 8);
  if (!size || *size > kMaxText) return std::nullopt;
  auto text = view_.text(*characters, *size + 1, kMaxText + 1);
  if (!text || text->back() != '\0') return std::nullopt;
  text->pop_back();
  return text;
}

// With no layout known both orders are tried; only one can make a length of one word and an address of the other.
std::optional<std::string> Objects::string_view_at(std::uint64_t field) {
  const auto first = view_.word(field);
  const auto second = view_.word(field + 8);
  if (!first || !second) return std::nullopt;
  const bool pointer_first = layout_ != nullptr ? layout_->view_pointer_first != 0 : *first > *second;
  const std::uint64_t pointer = pointer_first ? *first : *second;
  const std::uint64_t length = pointer_first ? *second : *first;
  return view_.text(pointer, length, kMaxText);
}

std::vector<std::uint64_t> Objects::virtual_functions(std::uint64_t object) {
  std::vector<std::uint64_t> out;
  const auto table = view_.word(object);
  for (std::uint64_t i = 0; table && i < kVirtualFunctions; ++i) {
    const auto function = view_.word(*table + 8 * i);
    const Mapping* code = function ? view_.mapping(*function) : nullptr;
    if (code == nullptr || !code->executable) break;
    out.push_back(*function);
  }
  return out;
}

std::optional<std::vector<Input>> Objects::read_inputs(std::uint64_t params, const Kernel& kernel) {
  if (layout_ == nullptr) return std::nullopt;
  std::uint64_t values = 0, count = 0;
  const auto first = view_.word(params + layout_->params_inputs);
  if (!first) return std::nullopt;
  if (layout_->inputs_indirect) {
    // Ops without inputs may get none at all.
    const auto vector = *first == 0 ? InlinedVector{} : inlined_vector(view_, *first, kMaxInputs);
    if (!vector) return std::nullopt;
    values = vector->data, count = vector->size;
  } else {
    values = *first, count = view_.word(params + layout_->params_inputs + 8).value_or(kMaxInputs + 1);
  }
  if (count != kernel.input_types.size()) return std::nullopt;
  std::vector<Input> out;
  for (std::size_t i = 0; i < std::min<std::uint64_t>(count, kMaxInputsShown); ++i)
    out.push_back(read_input(values + i * layout_->value_size, i, kernel.input_types[i]));
  return out;
}

Input Objects::read_input(std::uint64_t value, std::size_t index, std::uint32_t declared) {
  Input out;
  out.info.name = fmt::format("input {}", index);
  out.info.dtype = data_type(declared)->name;
  const auto tensor = view_.word(value + layout_->value_tensor);
  if (!tensor) return out;
  // A dead input (of Merge) has no tensor.
  out.sound = *tensor == 0 || read_tensor(*tensor, declared, out.info);
  return out;
}

// An output that has not been made yet has no tensor. Types that do not fit mean that this is something else.
std::optional<std::vector<TensorInfo>> Objects::read_outputs(std::uint64_t context, const Kernel& kernel) {
  if (layout_ == nullptr || kernel.output_types.empty()) return std::nullopt;
  const auto values = inlined_vector(view_, context + layout_->context_outputs, kMaxInputs);
  if (!values || values->size != kernel.output_types.size()) return std::nullopt;
  std::vector<TensorInfo> out;
  for (std::size_t i = 0; i < std::min<std::uint64_t>(values->size, kMaxInputsShown); ++i) {
    const auto tensor = view_.word(values->data + i * layout_->value_size + layout_->value_tensor);
    if (!tensor) return std::nullopt;
    if (*tensor == 0) continue;
    TensorInfo info;
    info.name = fmt::format("output {}", i);
    info.dtype = data_type(kernel.output_types[i])->name;
    if (!read_tensor(*tensor, kernel.output_types[i], info)) return std::nullopt;
    info.preview.clear(), info.range.reset();  // what is written into it is not its value yet
    out.push_back(std::move(info));
  }
  return out;
}

bool Objects::read_tensor(std::uint64_t tensor, std::uint32_t declared, TensorInfo& into) {
  if (!view_.may_hold_object(tensor)) return false;
  const std::uint64_t shape = tensor + layout_->tensor_shape;
  const auto dtype = view_.value<std::uint8_t>(shape + layout_->shape_dtype);
  const auto elements = view_.word(shape + layout_->shape_elements);
  auto dimensions = read_dimensions(shape);
  if (!dtype || !elements || !dimensions || element_count(*dimensions) != *elements) return false;
  if (*dtype != without_reference(declared)) return false;
  into.shape = std::move(dimensions);
  const auto buffer = view_.word(tensor + layout_->tensor_buffer);
  if (!buffer) return false;
  // Without a buffer: an empty tensor, or a variable that has not been given a value.
  return *buffer == 0 || read_buffer(*buffer, *dtype, *elements, into);
}

std::optional<std::vector<std::int64_t>> Objects::read_dimensions(std::uint64_t shape) {
  const auto tag = view_.value<std::uint8_t>(shape + layout_->shape_tag);
  const auto count = view_.value<std::uint8_t>(shape + layout_->shape_ndims);
  if (!tag || !count || *count > kMaxDimensions) return std::nullopt;
  std::vector<std::int64_t> out;
  if (*tag == layout_->shape_tag16 && *count <= 6) {
    for (std::uint64_t i = 0; i < *count; ++i)
      out.push_back(view_.value<std::uint16_t>(shape + layout_->shape_dims16 + 2 * i).value_or(0));
    return out;
  }
  if (*tag == layout_->shape_tag32 && *count <= 3) {
    for (std::uint64_t i = 0; i < *count; ++i)
      out.push_back(view_.value<std::uint32_t>(shape + layout_->shape_dims32 + 4 * i).value_or(0));
    return out;
  }
  const auto outside = *tag == layout_->shape_tag64 ? view_.word(shape + layout_->shape_dims64) : std::nullopt;
  const auto vector = outside ? inlined_vector(view_, *outside, kMaxDimensions) : std::nullopt;
  if (!vector || vector->size != *count) return std::nullopt;
  for (std::uint64_t i = 0; i < vector->size; ++i) {
    const auto size = view_.value<std::int64_t>(vector->data + 8 * i);
    if (!size) return std::nullopt;
    out.push_back(*size);
  }
  return out;
}

bool Objects::read_buffer(std::uint64_t buffer, std::uint32_t dtype, std::uint64_t elements, TensorInfo& into) {
  const ClassInfo* found = rtti_.class_of_object(buffer);
  if (found == nullptr || !found->is_a(kTensorBufferType)) return false;
  const auto data = view_.word(buffer + layout_->buffer_data);
  if (!data) return false;
  if (*data != 0) into.buffer = *data;
  const DataType* type = data_type(dtype);
  std::uint64_t bytes = 0;
  if (type == nullptr || type->bytes == 0 || __builtin_mul_overflow(elements, std::uint64_t{type->bytes}, &bytes))
    return true;
  into.bytes = bytes;
  if (elements == 0 || *data == 0) return true;
  std::vector<std::byte> head(std::min(elements, kMaxPreview) * type->bytes);
  if (view_.read(*data, head)) into.preview = preview_values(dtype, head, elements > kMaxPreview);
  if (elements <= kMaxPreview || !number_range(dtype, head)) return true;
  std::vector<std::byte> numbers(std::min(bytes, kMaxExamined));
  if (view_.read(*data, numbers)) into.range = number_range(dtype, numbers);
  return true;
}

}  // namespace segwhy::tensorflow
