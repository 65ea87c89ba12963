// Where the members that are read lie in TensorFlow's objects, per version.
//
// The numbers are generated (tools/tfoffsets) from the headers inside the wheels; a minor version has one layout. The
// list of minors in layout_table.inc is the one list of TensorFlow versions that are read beyond what RTTI proves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace segwhy::tensorflow {

// Bytes from the start of the object named by the prefix, where not said otherwise.
struct Layout {
  std::uint32_t major, minor;
  std::uint32_t kernel_props;                        // OpKernel: shared_ptr<NodeProperties>
  std::uint32_t kernel_name_view, kernel_type_view;  // string_views of the node's name and op
  std::uint32_t view_pointer_first;                  // a string_view is {pointer, length} (1) or {length, pointer} (0)
  std::uint32_t props_node_def, props_input_types, props_output_types;
  std::uint32_t props_op_def, op_def_name;        // NodeProperties: OpDef*; OpDef
  std::uint32_t graph_node_props;                 // Node (of a Graph): shared_ptr<NodeProperties>
  std::uint32_t node_name, node_op, node_device;  // NodeDef
  // NodeDef's map of attributes: where it lies, whether its table is behind a pointer (1) at map_inner, the number of
  // its buckets, and a node of its lists, in which the value is, or (map_node_pair not 0) behind a pointer.
  std::uint32_t node_attributes;
  std::uint32_t map_indirect, map_inner, map_table, map_buckets, map_buckets_size;
  std::uint32_t map_node_next, map_node_key, map_node_pair, map_node_value;
  std::uint32_t value_union, value_case;     // AttrValue
  std::uint32_t list_integers, list_floats;  // AttrValue.ListValue
  std::uint32_t repeated_tagged;  // a RepeatedField is {pointer with tag bits, count} (1) or {count, ..., pointer} (0)
  std::uint32_t string_cow;       // std::string is the old copy-on-write one: protobuf fields point to its characters
  std::uint32_t params_kernel, params_device, params_inputs, params_call_frame, params_size;  // OpKernelContext::Params
  std::uint32_t inputs_indirect;  // `inputs` points to an InlinedVector (1) or is a Span (0)
  std::uint32_t context_params;   // OpKernelContext: Params*
  std::uint32_t context_outputs;  // InlinedVector of TensorValue
  std::uint32_t context_polymorphic;
  std::uint32_t device_attributes, attributes_name;  // Device; DeviceAttributes
  std::uint32_t value_size, value_tensor;            // TensorValue: sizeof, Tensor*
  std::uint32_t tensor_size, tensor_shape, tensor_buffer, buffer_data;
  std::uint32_t shape_dtype, shape_ndims, shape_tag, shape_dims16, shape_dims32, shape_dims64, shape_elements;
  std::uint32_t shape_tag16, shape_tag32, shape_tag64;  // values of the tag
};

// The layout of "2.8.0" or "2.21.0rc1"; nullptr for a version that is not in the table. Static storage.
[[nodiscard]] const Layout* layout_of(std::string_view version);

}  // namespace segwhy::tensorflow
