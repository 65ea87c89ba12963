// For tests: a process image made by hand with the objects TensorFlow would have, laid out as a version's table says.
//
// Addresses are invented. Objects are built exactly as far as the readers look: virtual tables with RTTI, kernels,
// nodes, tensors, Params. Memory can be damaged afterwards.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "evidence/model/case.h"
#include "evidence/model/snapshot.h"
#include "frameworks/tensorflow/layout.h"
#include "frameworks/tensorflow/objects.h"

namespace segwhy::tensorflow {

class FakeMemory : public MemoryReader {
 public:
  std::size_t read(TargetAddr from, std::span<std::byte> out) override {
    const auto after = regions_.upper_bound(from.value());
    if (after == regions_.begin()) return 0;
    const auto& [start, bytes] = *std::prev(after);
    const std::size_t offset = std::min<std::size_t>(from.value() - start, bytes.size());
    const std::size_t count = std::min(out.size(), bytes.size() - offset);
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), count, out.begin());
    return count;
  }
  void add(std::uint64_t start, std::size_t size) { regions_[start].resize(size); }
  void put(std::uint64_t at, const void* data, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      std::byte* to = byte_at(at + i);
      if (to == nullptr) std::abort();  // the test itself is wrong
      *to = static_cast<const std::byte*>(data)[i];
    }
  }
  void put_word(std::uint64_t at, std::uint64_t value) { put(at, &value, sizeof value); }
  std::map<std::uint64_t, std::vector<std::byte>>& regions() { return regions_; }

 private:
  std::byte* byte_at(std::uint64_t at) {
    auto after = regions_.upper_bound(at);
    if (after == regions_.begin()) return nullptr;
    auto& [start, bytes] = *std::prev(after);
    return at - start < bytes.size() ? &bytes[at - start] : nullptr;
  }
  std::map<std::uint64_t, std::vector<std::byte>> regions_;
};

class FakeTensorFlow {
 public:
  static constexpr std::uint64_t kData = 0x7f0010000000, kCode = 0x7f0010100000, kHeap = 0x560000000000;
  static constexpr std::uint64_t kStack = 0x7ffc00000000, kStackSize = 0x10000, kRegion = 0x10000;
  static constexpr char kLibrary[] = "/venv/lib/python3.8/site-packages/tensorflow/libtensorflow_framework.so.2";

  explicit FakeTensorFlow(const std::string& version) : version_(version), layout_(*layout_of(version)) {
    map(kHeap, "[heap]", true, false);
    map(kData, kLibrary, false, false);
    map(kCode, kLibrary, false, true);
    snapshot.pid = 100;
    snapshot.memory = &memory;
    for (const char* kind : {"N10__cxxabiv117__class_type_infoE", "N10__cxxabiv120__si_class_type_infoE",
                             "N10__cxxabiv121__vmi_class_type_infoE"})
      kinds_.push_back(make_kind(kind));
    op_kernel_ = make_type(kOpKernelType, {});
    device_ =
        make_object(make_vtable(make_type("N10tensorflow16ThreadPoolDeviceE", {make_type(kDeviceBaseType, {})})), 128);
    buffer_table_ = make_vtable(make_type("N10tensorflow6BufferE", {make_type("N10tensorflow12TensorBufferE", {})}));
    node_table_ = make_vtable(make_type(kNodeDefType, {}));
    op_def_table_ = make_vtable(make_type(kOpDefType, {}));
    value_table_ = make_vtable(make_type("N10tensorflow9AttrValueE", {}));
    list_table_ = make_vtable(make_type("N10tensorflow19AttrValue_ListValueE", {}));
    module.path = kLibrary;
    module.package = "tensorflow-cpu";
    module.package_version = version;
  }

  // A thread whose stack is empty but for what is put on it; the stack pointer is 4 KiB below its end.
  std::size_t add_thread(int tid, bool crashed) {
    const std::uint64_t start = kStack + snapshot.threads.size() * 2 * kStackSize;
    map(start, "", true, false);
    ThreadSnapshot thread;
    thread.tid = tid;
    thread.crashed = crashed;
    thread.stack_start = TargetAddr(start), thread.stack_end = TargetAddr(start + kStackSize);
    thread.registers.dwarf[Registers::kRsp] = start + kStackSize - 0x1000;
    snapshot.threads.push_back(thread);
    Thread symbolised;
    symbolised.tid = tid, symbolised.crashed = crashed;
    threads.push_back(symbolised);
    return threads.size() - 1;
  }
  std::uint64_t sp(std::size_t thread) const { return snapshot.threads[thread].registers.sp().value(); }

  // A kernel class and the address of its Compute.
  struct KernelClass {
    std::uint64_t vtable = 0, compute = 0;
    std::string name;
  };
  KernelClass make_kernel_class(const std::string& mangled, bool second_base = false) {
    KernelClass out;
    std::vector<std::uint64_t> bases = {op_kernel_};
    if (second_base) bases.insert(bases.begin(), make_type("N4user5MixinE", {}));
    out.vtable = make_vtable(make_type(mangled, bases));
    out.compute = word(out.vtable + 16);
    out.name = demangled_type(mangled);
    return out;
  }

  // `outputs`: types of the node's outputs.
  std::uint64_t make_node_properties(const std::string& op, const std::string& name,
                                     const std::vector<std::uint32_t>& types,
                                     const std::vector<std::uint32_t>& outputs = {}) {
    const std::uint64_t props = heap(512);
    const std::uint64_t node = props + layout_.props_node_def;
    memory.put_word(node, node_table_);
    op_text_ = put_string(node + layout_.node_op, op);
    name_text_ = put_string(node + layout_.node_name, name);
    put_string(node + layout_.node_device, "");
    const std::uint64_t op_def = make_object(op_def_table_, 128);
    put_string(op_def + layout_.op_def_name, op);
    memory.put_word(props + layout_.props_op_def, op_def);
    put_types(props + layout_.props_input_types, types);
    put_types(props + layout_.props_output_types, outputs);
    return props;
  }

  // The attributes of a node made with its properties: numbers, or lists of them.
  void put_attributes(std::uint64_t props, const std::map<std::string, std::vector<std::int64_t>>& attributes) {
    const std::uint64_t map = props + layout_.props_node_def + layout_.node_attributes;
    const std::uint64_t inner = layout_.map_indirect != 0 ? heap(64) : map;
    if (layout_.map_indirect != 0) memory.put_word(map + layout_.map_inner, inner);
    constexpr std::uint64_t kBuckets = 2;  // all in the second one, so that lists are followed
    const std::uint64_t table = heap(8 * kBuckets);
    memory.put_word(inner + layout_.map_table, table);
    memory.put(inner + layout_.map_buckets, &kBuckets, layout_.map_buckets_size);
    std::uint64_t next = 0;
    for (const auto& [name, numbers] : attributes) {
      const std::uint64_t node = heap(128);
      put_text(node + layout_.map_node_key, name);
      const std::uint64_t pair = layout_.map_node_pair != 0 ? heap(64) : node;
      if (layout_.map_node_pair != 0) memory.put_word(node + layout_.map_node_pair, pair);
      put_value(pair + layout_.map_node_value, numbers);
      memory.put_word(node + layout_.map_node_next, next);
      next = node;
    }
    memory.put_word(table + 8, next);
  }

  std::uint64_t make_kernel(const KernelClass& of, const std::string& op, const std::string& name,
                            const std::vector<std::uint32_t>& types, const std::vector<std::uint32_t>& outputs = {}) {
    const std::uint64_t kernel = make_object(of.vtable, 512);
    memory.put_word(kernel + layout_.kernel_props, make_node_properties(op, name, types, outputs));
    put_view(kernel + layout_.kernel_type_view, op_text_, op.size());
    put_view(kernel + layout_.kernel_name_view, name_text_, name.size());
    return kernel;
  }

  std::uint64_t make_tensor(std::uint32_t dtype, const std::vector<std::uint16_t>& shape,
                            const std::vector<std::int32_t>& values) {
    const std::uint64_t tensor = heap(layout_.tensor_size);
    const std::uint64_t at = tensor + layout_.tensor_shape;
    std::uint64_t elements = 1;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      memory.put(at + layout_.shape_dims16 + 2 * i, &shape[i], 2);
      elements *= shape[i];
    }
    put_byte(at + layout_.shape_dtype, dtype);
    put_byte(at + layout_.shape_ndims, static_cast<std::uint32_t>(shape.size()));
    put_byte(at + layout_.shape_tag, layout_.shape_tag16);
    memory.put_word(at + layout_.shape_elements, elements);
    const std::uint64_t data = heap(4 * values.size() + 64);
    memory.put(data, values.data(), 4 * values.size());
    const std::uint64_t buffer = make_object(buffer_table_, 64);
    memory.put_word(buffer + layout_.buffer_data, data);
    memory.put_word(tensor + layout_.tensor_buffer, buffer);
    return tensor;
  }

  // Params at `params` for a call of `kernel` with those tensors.
  void put_params(std::uint64_t params, std::uint64_t kernel, const std::vector<std::uint64_t>& tensors) {
    memory.put_word(params + layout_.params_kernel, kernel);
    memory.put_word(params + layout_.params_device, device_);
    const std::uint64_t values = heap(layout_.value_size * tensors.size() + 16);
    for (std::size_t i = 0; i < tensors.size(); ++i)
      memory.put_word(values + layout_.value_size * i + layout_.value_tensor, tensors[i]);
    if (layout_.inputs_indirect) {
      const std::uint64_t vector = heap(32);
      memory.put_word(vector, tensors.size() * 2 + 1);
      memory.put_word(vector + 8, values);
      memory.put_word(params + layout_.params_inputs, vector);
    } else {
      memory.put_word(params + layout_.params_inputs, values);
      memory.put_word(params + layout_.params_inputs + 8, tensors.size());
    }
  }
  // `outputs`: tensors; 0 for one that is not made yet.
  std::uint64_t make_context(std::uint64_t params, const std::vector<std::uint64_t>& outputs = {}) {
    const std::uint64_t context = heap(256);
    memory.put_word(context + layout_.context_params, params);
    const std::uint64_t values = heap(layout_.value_size * outputs.size() + 16);
    memory.put_word(context + layout_.context_outputs, outputs.size() * 2 + 1);
    memory.put_word(context + layout_.context_outputs + 8, values);
    for (std::size_t i = 0; i < outputs.size(); ++i)
      memory.put_word(values + layout_.value_size * i + layout_.value_tensor, outputs[i]);
    return context;
  }

  NativeFrame frame_of(std::uint64_t function, const std::string& name) const {
    NativeFrame f;
    f.pc = function + 5;
    f.function_offset = 5;
    f.function = name;
    f.module = kLibrary;
    return f;
  }
  void add_frame(std::size_t thread, std::uint64_t function, const std::string& name) {
    threads[thread].native.push_back(frame_of(function, name));
  }
  // Enough of TensorFlow's frames that the stack does not look lost.
  void add_runtime_frames(std::size_t thread) {
    for (const char* name : {"tensorflow::KernelAndDeviceOp::Run()", "tensorflow::EagerExecute()", "TFE_Execute"})
      add_frame(thread, kCode + 0xf000, name);
  }

  std::uint64_t heap(std::size_t size) { return take(heap_, size); }
  std::uint64_t word(std::uint64_t at) { return *memory.value<std::uint64_t>(TargetAddr(at)); }
  const Layout& layout() const { return layout_; }

  FakeMemory memory;
  Snapshot snapshot;
  std::vector<Thread> threads;
  Module module;

 private:
  static std::uint64_t take(std::uint64_t& next, std::size_t size) {
    const std::uint64_t out = next;
    next += (size + 15) / 16 * 16;
    return out;
  }
  void map(std::uint64_t start, const std::string& path, bool writable, bool executable) {
    memory.add(start, kRegion);
    Mapping m;
    m.start = TargetAddr(start), m.end = TargetAddr(start + kRegion);
    m.readable = true, m.writable = writable, m.executable = executable, m.path = path;
    snapshot.mappings.push_back(m);
  }
  void put_byte(std::uint64_t at, std::uint32_t value) {
    const auto byte = static_cast<std::uint8_t>(value);
    memory.put(at, &byte, 1);
  }
  std::uint64_t text(const std::string& value, std::uint64_t& region) {
    const std::uint64_t at = take(region, value.size() + 1);
    memory.put(at, value.c_str(), value.size() + 1);
    return at;
  }
  // A protobuf field. Returns where the characters are.
  std::uint64_t put_string(std::uint64_t field, const std::string& value) {
    const std::uint64_t string = heap(32);
    memory.put_word(field, string | (layout_.string_cow ? 0 : 2));
    return put_text(string, value);
  }
  // A std::string. Returns where the characters are.
  std::uint64_t put_text(std::uint64_t string, const std::string& value) {
    const std::uint64_t length_ahead = heap(24);  // the old string keeps its length ahead of its characters
    const std::uint64_t characters = text(value, heap_);
    memory.put_word(string, characters);
    memory.put_word(layout_.string_cow ? characters - 24 : string + 8, value.size());
    if (!layout_.string_cow) memory.put_word(length_ahead, 0);
    return characters;
  }
  void put_types(std::uint64_t at, const std::vector<std::uint32_t>& types) {
    const std::uint64_t elements = heap(8 * types.size() + 8);
    memory.put_word(at, types.size() * 2 + 1);
    memory.put_word(at + 8, elements);
    for (std::size_t i = 0; i < types.size(); ++i) memory.put(elements + 4 * i, &types[i], 4);
  }
  // An AttrValue: one number is that, others are a list.
  void put_value(std::uint64_t value, const std::vector<std::int64_t>& numbers) {
    constexpr std::uint32_t kList = 1, kInteger = 3;
    memory.put_word(value, value_table_);
    memory.put(value + layout_.value_case, numbers.size() == 1 ? &kInteger : &kList, sizeof kList);
    if (numbers.size() == 1) return memory.put(value + layout_.value_union, numbers.data(), 8);
    const std::uint64_t list = make_object(list_table_, 128);
    const std::uint64_t elements = heap(8 * numbers.size() + 16);
    memory.put(elements, numbers.data(), 8 * numbers.size());
    const std::uint64_t field = list + layout_.list_integers;
    memory.put_word(field, layout_.repeated_tagged ? elements | 4 : numbers.size());
    memory.put_word(field + 8, layout_.repeated_tagged ? numbers.size() : elements);
    memory.put_word(value + layout_.value_union, list);
  }
  // A kernel's views share the characters of its NodeDef.
  void put_view(std::uint64_t field, std::uint64_t characters, std::uint64_t size) {
    memory.put_word(field + (layout_.view_pointer_first ? 0 : 8), characters);
    memory.put_word(field + (layout_.view_pointer_first ? 8 : 0), size);
  }
  std::uint64_t make_kind(const std::string& name) {
    const std::uint64_t info = take(data_, 16);
    memory.put_word(info + 8, text(name, data_));
    const std::uint64_t vtable = take(data_, 32) + 16;
    memory.put_word(vtable - 8, info);
    return vtable;
  }
  std::uint64_t make_type(const std::string& name, const std::vector<std::uint64_t>& bases) {
    const std::uint64_t info = take(data_, 24 + 16 * bases.size());
    const std::size_t kind = bases.empty() ? 0 : bases.size() == 1 ? 1 : 2;
    memory.put_word(info, kinds_[kind]);
    memory.put_word(info + 8, text(name, data_));
    if (kind == 1) memory.put_word(info + 16, bases[0]);
    if (kind == 2) {
      memory.put_word(info + 16, std::uint64_t{bases.size()} << 32);
      for (std::size_t i = 0; i < bases.size(); ++i) memory.put_word(info + 24 + 16 * i, bases[i]);
    }
    return info;
  }
  // Two destructors, Compute, and one more.
  std::uint64_t make_vtable(std::uint64_t type) {
    const std::uint64_t vtable = take(data_, 16 + 5 * 8) + 16;
    memory.put_word(vtable - 8, type);
    for (std::uint64_t i = 0; i < 4; ++i) memory.put_word(vtable + 8 * i, take(code_, 64));
    return vtable;
  }
  std::uint64_t make_object(std::uint64_t vtable, std::size_t size) {
    const std::uint64_t object = heap(size);
    memory.put_word(object, vtable);
    return object;
  }

  std::string version_;
  const Layout& layout_;
  std::uint64_t data_ = kData + 64, code_ = kCode + 64, heap_ = kHeap + 64;
  std::vector<std::uint64_t> kinds_;
  std::uint64_t op_kernel_ = 0, device_ = 0, buffer_table_ = 0, node_table_ = 0, op_def_table_ = 0;
  std::uint64_t value_table_ = 0, list_table_ = 0;
  std::uint64_t op_text_ = 0, name_text_ = 0;  // of the node made last
};

}  // namespace segwhy::tensorflow
