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

  print("props_op_def", offset(&NodeProperties::op_def));
  print("op_def_name", proto_name_<OpDef>());
  print("graph_node_props", offset(&Node::props_));

  print("node_name", proto_name_<NodeDef>());
  print("node_op", proto_op_<NodeDef>());
  print("node_device", proto_device_<NodeDef>());
  print("string_cow", _GLIBCXX_USE_CXX11_ABI ? 0 : 1);  // how protobuf fields hold their text

  using Params = OpKernelContext::Params;
  print("params_kernel", offset(&Params::op_kernel));
  print("params_device", offset(&Params::device));
  print("params_inputs", offset(&Params::inputs));
  print("params_call_frame", offset(&Params::call_frame));
  print("params_size", sizeof(Params));
  print("inputs_indirect", std::is_pointer<decltype(Params::inputs)>::value ? 1 : 0);
  print("context_params", offset(&OpKernelContext::params_));
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
