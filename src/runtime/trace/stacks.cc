#include "runtime/trace/stacks.h"

#include "runtime/pal/atomic.h"
#include "runtime/pal/guarded_copy.h"
#include "runtime/pal/registers.h"
#include "runtime/trace/native_walk.h"
#include "runtime/trace/python_layout.h"
#include "runtime/trace/python_walk.h"
#include "runtime/trace/stack_store.h"

namespace segwhy::runtime::trace {
namespace {

wire::StackSection* section;

struct Stack {
  NativeStack native;
  PythonStack python;
  uint16_t flags = 0;

  [[nodiscard]] uint64_t hash() const {
    uint64_t sum = mix(flags, (uint64_t{native.count} << 32) | python.count);
    for (uint32_t i = 0; i < native.count; ++i) sum = mix(sum, native.pcs[i]);
    for (uint32_t i = 0; i < python.count; ++i) {
      const PythonFrame& frame = python.frames[i];
      sum = mix(mix(sum, frame.code ^ frame.line_table), frame.name + static_cast<uint32_t>(frame.instruction));
    }
    return sum != 0 ? sum : 1;
  }
};

// Writes and publishes the record of `stack`.
[[nodiscard]] uint32_t add(StackStore& store, const Stack& stack, uint64_t hash) {
  constexpr uint32_t kHeader = sizeof(wire::StackRecord) / sizeof(uint64_t);
  const uint32_t position = store.take(uint64_t{kHeader} + stack.native.count + stack.python.count);
  if (position == 0) return 0;
  auto& record = *reinterpret_cast<wire::StackRecord*>(store.at(position));
  record = {hash, static_cast<uint16_t>(stack.native.count), static_cast<uint16_t>(stack.python.count), stack.flags, 0};
  uint64_t* word = store.at(position + kHeader);
  for (uint32_t i = 0; i < stack.native.count; ++i) *word++ = stack.native.pcs[i];
  const Python* const interpreter = python();
  for (uint32_t i = 0; i < stack.python.count; ++i) {
    const PythonFrame& frame = stack.python.frames[i];
    *reinterpret_cast<wire::PythonFrameRecord*>(word++) = {store.code_of(*interpreter, frame), frame.instruction};
  }
  return store.publish_stack(hash, position);
}

[[nodiscard]] uint32_t find_or_add(wire::StackSection& into, const Stack& stack) {
  const uint64_t hash = stack.hash();
  StackStore store(into);
  uint32_t id = store.find_stack(hash);
  if (id == 0) id = add(store, stack, hash);
  if (id == 0) store.count_lost();
  return id;
}

[[nodiscard]] uint32_t intern(wire::StackSection& into, const NativeState& state) {
  Stack stack;
  walk_native(state, stack.native);
  walk_python(stack.python);
  stack.flags = static_cast<uint16_t>(stack.python.flags | (state.exact ? wire::kStackExactPc : 0) |
                                      (stack.native.cut ? wire::kStackNativeCut : 0));
  return find_or_add(into, stack);
}

}  // namespace

void use_stacks(wire::StackSection* own) {
  if (own != nullptr && python() != nullptr) own->python_minor = static_cast<uint32_t>(python()->minor);
  pal::store(section, own);
}

uint32_t intern_stack(const void* return_address, const void* frame) {
  wire::StackSection* const into = pal::load(section);
  if (into == nullptr) return 0;
  const auto place = reinterpret_cast<uintptr_t>(frame);
  const auto pc = reinterpret_cast<uintptr_t>(return_address);
  uint64_t words[2] = {};  // rbp of the caller, and where the call returns to
  const bool is_frame = pal::guarded_load(place, words[0]) && pal::guarded_load(place + 8, words[1]) && words[1] == pc;
  // Without its frame the caller alone is known: a stack pointer of 0 ends the walk there.
  return intern(*into, {pc, is_frame ? place + sizeof words : 0, is_frame ? words[0] : 0, false});
}

uint32_t intern_python_stack() {
  wire::StackSection* const into = pal::load(section);
  if (into == nullptr || python() == nullptr) return 0;
  Stack stack;
  walk_python(stack.python);
  stack.flags = stack.python.flags;
  return find_or_add(*into, stack);
}

uint32_t intern_code(const void* code) {
  wire::StackSection* const into = pal::load(section);
  Stack stack;
  if (into == nullptr || !frame_of_code(code, stack.python.frames[0])) return 0;
  stack.python.count = 1;
  return find_or_add(*into, stack);
}

uint32_t intern_stack(const ucontext_t& interrupted) {
  wire::StackSection* const into = pal::load(section);
  if (into == nullptr) return 0;
  return intern(*into, {pal::program_counter(interrupted), pal::stack_pointer(interrupted),
                        pal::reg(interrupted, REG_RBP), true});
}

}  // namespace segwhy::runtime::trace
