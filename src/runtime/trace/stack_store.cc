#include "runtime/trace/stack_store.h"

#include "runtime/pal/atomic.h"
#include "runtime/pal/guarded_copy.h"

namespace segwhy::runtime::trace {
namespace {

constexpr uint64_t kHashPart = 0xffffffff00000000u;

// An open-addressing index in the section: slots of (upper half of the hash, position). All its records begin with the
// whole hash.
struct Index {
  wire::IndexSlot* slots;
  uint32_t count;
  uint64_t* words;
  uint32_t* used;

  [[nodiscard]] uint32_t find(uint64_t hash) const {
    for (uint32_t probe = 0; probe < count; ++probe) {
      const wire::IndexSlot slot = pal::load(slots[(hash + probe) % count]);
      if (slot == 0) return 0;
      if (is_of(slot, hash)) return static_cast<uint32_t>(slot);
    }
    return 0;
  }

  [[nodiscard]] uint32_t publish(uint64_t hash, uint32_t position) const {
    if (pal::load(*used) >= count / 4 * 3) return 0;
    const wire::IndexSlot own = (hash & kHashPart) | position;
    for (uint32_t probe = 0; probe < count; ++probe) {
      wire::IndexSlot& slot = slots[(hash + probe) % count];
      if (pal::compare_exchange(slot, wire::IndexSlot{0}, own)) {
        pal::fetch_add(*used, 1);
        return position;
      }
      const wire::IndexSlot other = pal::load(slot);
      if (is_of(other, hash)) return static_cast<uint32_t>(other);
    }
    return 0;
  }

  // The section may have been scribbled over: a position is checked before it is followed.
  [[nodiscard]] bool is_of(wire::IndexSlot slot, uint64_t hash) const {
    const auto position = static_cast<uint32_t>(slot);
    return ((slot ^ hash) & kHashPart) == 0 && position < wire::kStackWords && words[position] == hash;
  }
};

[[nodiscard]] Index stacks_of(wire::StackSection& section) {
  return {section.stack_slots, wire::kStackSlots, section.words, &section.stacks};
}
[[nodiscard]] Index codes_of(wire::StackSection& section) {
  return {section.code_slots, wire::kCodeSlots, section.words, &section.codes};
}

// A stretch of the interpreter's memory that is to be copied.
struct Bytes {
  uint64_t address = 0;
  uint32_t size = 0;
  uint8_t kind = 1;  // of a string: bytes in a code point

  [[nodiscard]] uint64_t words() const { return (uint64_t{size} + 7) / 8; }
  [[nodiscard]] uint64_t* copy_to(uint64_t* to) const {
    pal::guarded_copy(to, reinterpret_cast<const void*>(address), size);
    return to + words();
  }
};

[[nodiscard]] uint64_t word_at(uint64_t object, uint32_t offset) {
  uint64_t word = 0;
  return pal::guarded_load(object + offset, word) ? word : 0;
}

// Empty when `object` is no plain str.
[[nodiscard]] Bytes string_bytes(const Python& python, uint64_t object) {
  if (object == 0 || word_at(object, python[Field::kObjectType]) != python.str_type) return {};
  const uint64_t length = word_at(object, python[Field::kStringLength]);
  const auto state_word = static_cast<uint32_t>(word_at(object, python[Field::kStringState]));
  const wire::PythonStringState state = wire::python_string_state(state_word, python.minor);
  if (state.kind == 0 || !state.compact) return {};
  const uint32_t header = python[state.ascii ? Field::kStringAsciiData : Field::kStringCompactData];
  const uint64_t fitting = wire::kMaxNameBytes / state.kind;
  const uint64_t kept = length < fitting ? length : fitting;
  return {object + header, static_cast<uint32_t>(kept * state.kind), static_cast<uint8_t>(state.kind)};
}

[[nodiscard]] Bytes line_table_bytes(const Python& python, uint64_t object) {
  if (object == 0 || word_at(object, python[Field::kObjectType]) != python.bytes_type) return {};
  const uint64_t size = word_at(object, python[Field::kBytesSize]);
  if (size > wire::kMaxLineTable) return {};
  return {object + python[Field::kBytesData], static_cast<uint32_t>(size)};
}

}  // namespace

uint32_t StackStore::find_stack(uint64_t hash) const {
  return stacks_of(section_).find(hash);
}

uint32_t StackStore::take(uint64_t words) {
  // Checked before and after, so that a section that is full stays just full.
  if (pal::load(section_.used) + words >= wire::kStackWords) return 0;
  const uint64_t position = 1 + pal::fetch_add(section_.used, words);
  return position + words <= wire::kStackWords ? static_cast<uint32_t>(position) : 0;
}

uint32_t StackStore::publish_stack(uint64_t hash, uint32_t position) {
  return stacks_of(section_).publish(hash, position);
}

uint32_t StackStore::code_of(const Python& python, const PythonFrame& frame) {
  if (word_at(frame.code, python[Field::kObjectType]) != python.code_type) return 0;
  const uint64_t file_object = word_at(frame.code, python[Field::kCodeFilename]);
  const auto first_line = static_cast<int32_t>(word_at(frame.code, python[Field::kCodeFirstLine]));
  uint64_t hash = mix(mix(mix(frame.code, frame.line_table), frame.name), file_object);
  hash = mix(hash, static_cast<uint64_t>(first_line));
  const Index codes = codes_of(section_);
  if (const uint32_t known = codes.find(hash)) return known;

  const Bytes file = string_bytes(python, file_object);
  const Bytes name = string_bytes(python, frame.name);
  const Bytes table = line_table_bytes(python, frame.line_table);
  constexpr uint64_t kHeader = sizeof(wire::CodeRecord) / sizeof(uint64_t);
  const uint32_t position = take(kHeader + file.words() + name.words() + table.words());
  if (position == 0) return 0;
  auto& record = *reinterpret_cast<wire::CodeRecord*>(at(position));
  record = {hash, frame.code, first_line, file.size, name.size, table.size, file.kind, name.kind, {}};
  (void)table.copy_to(name.copy_to(file.copy_to(at(position) + kHeader)));
  return codes.publish(hash, position);
}

void StackStore::count_lost() {
  pal::fetch_add(section_.lost, 1);
}

}  // namespace segwhy::runtime::trace
