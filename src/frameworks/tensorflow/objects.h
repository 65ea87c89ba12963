// TensorFlow's objects as read out of a stopped process: kernels, nodes, tensors. Everything is checked against
// something independent of it before it is believed (RTTI, a second copy of the same text, counts, sizes).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evidence/model/case.h"
#include "frameworks/rtti.h"
#include "frameworks/target_view.h"
#include "frameworks/tensorflow/layout.h"

namespace segwhy::tensorflow {

inline constexpr char kOpKernelType[] = "N10tensorflow8OpKernelE";
inline constexpr char kDeviceBaseType[] = "N10tensorflow10DeviceBaseE";
inline constexpr char kNodeDefType[] = "N10tensorflow7NodeDefE";
inline constexpr char kOpDefType[] = "N10tensorflow5OpDefE";

struct Node {
  std::string op, name, device;
  std::uint64_t address = 0;  // of the NodeDef; 0 when it was not read
};

struct Kernel {
  std::uint64_t address = 0;
  std::string class_name;  // mangled, by RTTI
  Node node;
  // DataType numbers; empty too when the layout is not known.
  std::vector<std::uint32_t> input_types, output_types;
};

// An input as the kernel got it. `sound` when type and shape agree with each other and with what the node declares.
struct Input {
  TensorInfo info;
  bool sound = false;
};

// Readers over one snapshot. Every function returns nullopt (or false) for anything but a whole, consistent object.
class Objects {
 public:
  // `layout` may be null: then only what RTTI proves is read.
  Objects(TargetView& view, RttiReader& rtti, const Layout* layout) : view_(view), rtti_(rtti), layout_(layout) {}

  [[nodiscard]] TargetView& view() { return view_; }
  [[nodiscard]] const Layout* layout() const { return layout_; }

  [[nodiscard]] bool is_kernel(std::uint64_t object);
  [[nodiscard]] bool is_device(std::uint64_t object);
  [[nodiscard]] std::optional<Kernel> read_kernel(std::uint64_t object);
  // A NodeProperties at `props`: its NodeDef, when the OpDef it belongs to has the same name.
  [[nodiscard]] std::optional<Node> read_node_properties(std::uint64_t props);
  [[nodiscard]] std::optional<Node> read_node_def(std::uint64_t object);
  // "/job:localhost/replica:0/task:0/device:CPU:0"; empty when it cannot be read.
  [[nodiscard]] std::string device_name(std::uint64_t device);
  // The inputs in OpKernelContext::Params at `params`; nullopt when their number is not what the kernel's node
  // declares.
  [[nodiscard]] std::optional<std::vector<Input>> read_inputs(std::uint64_t params, const Kernel& kernel);
  // The outputs that the OpKernelContext at `context` has by now; nullopt when it is none of that kernel's calls.
  [[nodiscard]] std::optional<std::vector<TensorInfo>> read_outputs(std::uint64_t context, const Kernel& kernel);
  // The class of the object, as its virtual table says; nullptr for anything else. Valid as long as this.
  [[nodiscard]] const ClassInfo* class_of(std::uint64_t object) { return rtti_.class_of_object(object); }
  // Text of a std::string, and of a protobuf message's field.
  [[nodiscard]] std::optional<std::string> string_at(std::uint64_t object);
  [[nodiscard]] std::optional<std::string> proto_string(std::uint64_t field);
  // The first slots of the object's virtual table: addresses of its functions.
  [[nodiscard]] std::vector<std::uint64_t> virtual_functions(std::uint64_t object);

 private:
  [[nodiscard]] std::optional<std::string> string_view_at(std::uint64_t field);
  [[nodiscard]] bool fill_by_layout(Kernel& kernel);
  [[nodiscard]] bool fill_by_views(Kernel& kernel);
  [[nodiscard]] std::optional<std::vector<std::uint32_t>> read_types(std::uint64_t at);
  [[nodiscard]] Input read_input(std::uint64_t value, std::size_t index, std::uint32_t declared);
  [[nodiscard]] bool read_tensor(std::uint64_t tensor, std::uint32_t declared, TensorInfo& into);
  [[nodiscard]] std::optional<std::vector<std::int64_t>> read_dimensions(std::uint64_t shape);
  [[nodiscard]] bool read_buffer(std::uint64_t buffer, std::uint32_t dtype, std::uint64_t elements, TensorInfo& into);

  TargetView& view_;
  RttiReader& rtti_;
  const Layout* layout_;
};

// The names TensorFlow allows for ops and for nodes (node names may contain '/').
[[nodiscard]] bool is_op_name(std::string_view text);
[[nodiscard]] bool is_node_name(std::string_view text);

}  // namespace segwhy::tensorflow
