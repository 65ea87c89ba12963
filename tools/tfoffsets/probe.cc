// Prints where the members that segwhy reads lie in TensorFlow's objects, as the headers of one wheel lay them out.
//
// Compiled by generate.py against each wheel's include/ with -fno-access-control (private members are what is asked
// for) and run; nothing of TensorFlow is linked, so only inline functions and offsets may be used. One "key value" per
// line.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <type_traits>

#include "google/protobuf/arenastring.h"
#include "google/protobuf/map.h"
#include "google/protobuf/map_field.h"
#include "google/protobuf/repeated_field.h"
#include "tensorflow/core/framework/attr_value.pb.h"
#include "tensorflow/core/framework/device.h"
#include "tensorflow/core/framework/device_attributes.pb.h"
#include "tensorflow/core/framework/node_def.pb.h"
#include "tensorflow/core/framework/node_properties.h"
#include "tensorflow/core/framework/op_def.pb.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/framework/tensor_shape.h"
#include "tensorflow/core/graph/graph.h"

namespace {

void print(const char* key, std::size_t value) {
  std::printf("%s %zu\n", key, value);
}

// offsetof is conditionally supported for these types; a null base computes the same without the object.
template <class T, class M>
std::size_t offset(M T::*member) {
  alignas(T) static char storage[sizeof(T)];
  T* object = reinterpret_cast<T*>(storage);
  return static_cast<std::size_t>(reinterpret_cast<const char*>(&(object->*member)) - storage);
}

// protobuf moved generated members into a struct `_impl_` on the way (3.21): the overload that compiles is taken.
#define SEGWHY_PROTO_MEMBER(NAME)                                                     \
  template <class M>                                                                  \
  auto address_of_##NAME(M* m, int)->decltype(&m->NAME) {                             \
    return &m->NAME;                                                                  \
  }                                                                                   \
  template <class M>                                                                  \
  auto address_of_##NAME(M* m, long)->decltype(&m->_impl_.NAME) {                     \
    return &m->_impl_.NAME;                                                           \
  }                                                                                   \
  template <class M>                                                                  \
  std::size_t proto_##NAME() {                                                        \
    alignas(M) static char storage[sizeof(M)];                                        \
    auto* member = address_of_##NAME(reinterpret_cast<M*>(storage), 0);               \
    return static_cast<std::size_t>(reinterpret_cast<const char*>(member) - storage); \
  }

SEGWHY_PROTO_MEMBER(name_)
SEGWHY_PROTO_MEMBER(op_)
SEGWHY_PROTO_MEMBER(device_)
SEGWHY_PROTO_MEMBER(attr_)
SEGWHY_PROTO_MEMBER(value_)
SEGWHY_PROTO_MEMBER(_oneof_case_)
SEGWHY_PROTO_MEMBER(i_)
SEGWHY_PROTO_MEMBER(f_)

// What a TensorShape reads from which byte: raw memory in which every byte is its own index answers.
void print_shape() {
  alignas(tensorflow::TensorShapeRep) unsigned char raw[sizeof(tensorflow::TensorShapeRep)];
  for (std::size_t i = 0; i < sizeof raw; ++i) raw[i] = static_cast<unsigned char>(i);
  auto* shape = reinterpret_cast<tensorflow::TensorShapeRep*>(raw);
  print("shape_dtype", static_cast<std::size_t>(shape->data_type()));
  print("shape_ndims", shape->ndims_byte());
  print("shape_tag", static_cast<std::size_t>(shape->tag()));
  auto at = [&](const void* p) { return static_cast<std::size_t>(static_cast<const unsigned char*>(p) - raw); };
  print("shape_dims16", at(shape->as16()->dims_));
  print("shape_dims32", at(shape->as32()->dims_));
  print("shape_dims64", at(&shape->as64()->dims_));
  print("shape_elements", offset(&tensorflow::TensorShapeRep::num_elements_));
  print("shape_tag16", tensorflow::TensorShapeRep::REP16);
  print("shape_tag32", tensorflow::TensorShapeRep::REP32);
  print("shape_tag64", tensorflow::TensorShapeRep::REP_OUT_OF_LINE);
}

// Storage that stands for an object of T, which is never made: only addresses in it are taken.
template <class T>
T& stand_in() {
  alignas(T) static char storage[sizeof(T)];
  return *reinterpret_cast<T*>(storage);
}

template <class A, class B>
std::size_t between(const A& from, const B& to) {
  return static_cast<std::size_t>(reinterpret_cast<const char*>(&to) - reinterpret_cast<const char*>(&from));
}

// protobuf's Map has been built in three ways. Each is an overload, and the first that compiles is taken: the table in
// the map itself (from 22 on), in a member (to 21), or behind a pointer (3.9).
struct Third {};
struct Second : Third {};
struct First : Second {};

template <class Field>
auto map_in(Field& field, int) -> decltype((field.map_)) {
  return field.map_;
}
template <class Field>
auto map_in(Field& field, long) -> decltype((field.impl_.map_)) {
  return field.impl_.map_;
}

// A node: {next, pair}.
template <class Map>
auto print_map(Map& map, First) -> decltype((void)map.table_) {
  print("map_indirect", 0);
  print("map_inner", 0);
  print("map_table", between(map, map.table_));
  print("map_buckets", between(map, map.num_buckets_));
  print("map_buckets_size", sizeof map.num_buckets_);
  auto& node = stand_in<typename Map::Node>();
  print("map_node_next", between(node, node.next));
  print("map_node_key", between(node, node.kv.first));
  print("map_node_pair", 0);
  print("map_node_value", between(node, node.kv.second));
}
// A node: {pair, next}.
template <class Map>
auto print_map(Map& map, Second) -> decltype((void)map.elements_.table_) {
  print("map_indirect", 0);
  print("map_inner", 0);
  print("map_table", between(map, map.elements_.table_));
  print("map_buckets", between(map, map.elements_.num_buckets_));
  print("map_buckets_size", sizeof map.elements_.num_buckets_);
  auto& node = stand_in<typename std::decay<decltype(map.elements_)>::type::Node>();
  print("map_node_next", between(node, node.next));
  print("map_node_key", between(node, node.kv.first));
  print("map_node_pair", 0);
  print("map_node_value", between(node, node.kv.second));
}
// A node: {key, pointer to a pair, next}.
template <class Map>
auto print_map(Map& map, Third) -> decltype((void)map.elements_->table_) {
  auto& inner = stand_in<typename std::decay<decltype(*map.elements_)>::type>();
  print("map_indirect", 1);
  print("map_inner", between(map, map.elements_));
  print("map_table", between(inner, inner.table_));
  print("map_buckets", between(inner, inner.num_buckets_));
  print("map_buckets_size", sizeof inner.num_buckets_);
  auto& node = stand_in<typename std::decay<decltype(inner)>::type::Node>();
  print("map_node_next", between(node, node.next));
  print("map_node_key", between(node, node.kv.k_));
  print("map_node_pair", between(node, node.kv.v_));
  auto& pair = stand_in<typename std::decay<decltype(*node.kv.v_)>::type>();
  print("map_node_value", between(pair, pair.second));
}

template <class NodeDef>
auto attributes_of(NodeDef& node, int) -> decltype((node.attr_)) {
  return node.attr_;
}
template <class NodeDef>
auto attributes_of(NodeDef& node, long) -> decltype((node._impl_.attr_)) {
  return node._impl_.attr_;
}

// A RepeatedField is {count, capacity, pointer to the elements} or (1) {pointer with tag bits, count, capacity} that
// keeps a few elements in itself.
template <class Repeated>
auto is_tagged(Repeated& repeated, int) -> decltype((void)repeated.arena_or_elements_, std::size_t()) {
  return 0;
}
template <class Repeated>
std::size_t is_tagged(Repeated&, long) {
  return 1;
}

void print_attributes() {
  using namespace tensorflow;
  auto& node = stand_in<NodeDef>();
  auto& map = map_in(attributes_of(node, 0), 0);
  print("node_attributes", between(node, map));
  print_map(map, First());
  print("value_union", proto_value_<AttrValue>());
  print("value_case", proto__oneof_case_<AttrValue>());
  print("list_integers", proto_i_<AttrValue_ListValue>());
  print("list_floats", proto_f_<AttrValue_ListValue>());
  print("repeated_tagged", is_tagged(stand_in<google::protobuf::RepeatedField<std::int64_t>>(), 0));
}

// std::string_view in libstdc++ is {length, pointer}; absl's own is {pointer, length}.
template <class View>
std::size_t view_pointer_first(View view) {
  std::uint64_t words[2];
  static_assert(sizeof words == sizeof view, "a view is a pointer and a length");
  std::memcpy(words, &view, sizeof words);
  return words[0] == reinterpret_cast<std::uint64_t>(view.data()) ? 1 : 0;
}

}  // namespace

int main() {
  using namespace tensorflow;
  print("kernel_props", offset(&OpKernel::props_));
  print("kernel_name_view", offset(&OpKernel::name_view_));
  print("kernel_type_view", offset(&OpKernel::type_string_view_));
  using View = std::remove_cv<decltype(OpKernel::name_view_)>::type;
  print("view_pointer_first", view_pointer_first(View("x")));

  print("props_node_def", offset(&NodeProperties::node_def));
  print("props_input_types", offset(&NodeProperties::input_types));

  print("props_output_types", offset(&NodeProperties::output_types));
  print("props_op_def", offset(&NodeProperties::op_def));
  print("op_def_name", proto_name_<OpDef>());
  print("graph_node_props", offset(&Node::props_));

  print("node_name", proto_name_<NodeDef>());
  print("node_op", proto_op_<NodeDef>());
  print("node_device", proto_device_<NodeDef>());
  print_attributes();
  print("string_cow", _GLIBCXX_USE_CXX11_ABI ? 0 : 1);  // how protobuf fields hold their text

  using Params = OpKernelContext::Params;
  print("params_kernel", offset(&Params::op_kernel));
  print("params_device", offset(&Params::device));
  print("params_inputs", offset(&Params::inputs));
  print("params_call_frame", offset(&Params::call_frame));
  print("params_size", sizeof(Params));
  print("inputs_indirect", std::is_pointer<decltype(Params::inputs)>::value ? 1 : 0);
  print("context_params", offset(&OpKernelContext::params_));
  print("context_outputs", offset(&OpKernelContext::outputs_));
  print("context_polymorphic", std::is_polymorphic<OpKernelContext>::value ? 1 : 0);

  print("device_attributes", offset(&Device::device_attributes_));
  print("attributes_name", proto_name_<DeviceAttributes>());

  print("value_size", sizeof(TensorValue));
  print("value_tensor", offset(&TensorValue::tensor));
  print("tensor_size", sizeof(Tensor));
  print("tensor_shape", offset(&Tensor::shape_));
  print("tensor_buffer", offset(&Tensor::buf_));
  print("buffer_data", offset(&TensorBuffer::data_));
  print_shape();
  return 0;
}
