#include "runtime/python/node_table.h"

#include <string.h>
#include <sys/mman.h>

#include "runtime/pal/atomic.h"
#include "runtime/pal/limits.h"
#include "runtime/pal/syscall.h"
#include "runtime/trace/stack_store.h"

namespace segwhy::runtime::python {
namespace {

using trace::mix;
using trace::StackStore;

}  // namespace

// What is known of a Python object, by its address.
struct NodeTable::ObjectSlot {
  const Object* object;  // null: free
  Object* reference;     // weak, of a graph
  uint32_t graph;
};

namespace {

// What only the writer needs lies behind the table.
constexpr uint32_t kObjectSlots = 1u << 16;
constexpr uint32_t kKindSlots = 1u << 13;
struct KindSlot {
  uint32_t position;
  CodeKind kind;
};
struct Private {
  NodeTable::ObjectSlot objects[kObjectSlots];
  uint32_t object_count;
  uint32_t library_folder;  // text
  KindSlot kinds[kKindSlots];
};

constexpr uint64_t kTableBytes = (sizeof(wire::NodeTable) + 63) & ~uint64_t{63};
constexpr uint64_t kBytes = kTableBytes + sizeof(Private);

alignas(16) wire::NodeTableAnchor anchor = {wire::kNodesMagic, ~wire::kNodesMagic, 0, sizeof(wire::NodeTable)};

[[nodiscard]] Private& private_of(wire::NodeTable* table) {
  return *reinterpret_cast<Private*>(reinterpret_cast<char*>(table) + kTableBytes);
}

// Address space is the program's where it is limited.
[[nodiscard]] bool is_affordable() {
  constexpr uint64_t kShare = 32;
  return pal::soft_limit(RLIMIT_AS) / kShare >= kBytes;  // no limit is the largest number
}

[[nodiscard]] wire::NodeTable* make_table() {
  if (!is_affordable()) return nullptr;
  const long address = pal::syscall(SYS_mmap, nullptr, kBytes, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
  if (address < 0) return nullptr;
  auto* const table = reinterpret_cast<wire::NodeTable*>(address);
  table->version = wire::kNodesVersion;
  table->text_used = 1;
  table->codes.python_minor = static_cast<uint32_t>(trace::python()->minor);
  pal::store(table->magic, wire::kNodesMagic);
  pal::store(anchor.table, static_cast<uint64_t>(address));
  return table;
}

[[nodiscard]] bool contains(Text text, const char* part) {
  return memmem(text.data, text.size, part, strlen(part)) != nullptr;
}
[[nodiscard]] bool starts_with(Text text, Text part) {
  return part.size != 0 && text.size >= part.size && memcmp(text.data, part.data, part.size) == 0;
}
[[nodiscard]] bool equals(Text text, const char* other) {
  return text.size == strlen(other) && memcmp(text.data, other, text.size) == 0;
}

[[nodiscard]] uint32_t hash_of(Text text) {
  uint64_t hash = text.size;
  size_t at = 0;
  for (; at + 8 <= text.size; at += 8) {
    uint64_t word = 0;
    memcpy(&word, text.data + at, sizeof word);
    hash = mix(hash, word);
  }
  uint64_t rest = 0;
  memcpy(&rest, text.data + at, text.size - at);
  hash = mix(hash, rest);
  return static_cast<uint32_t>(hash ^ (hash >> 32));
}

[[nodiscard]] uint64_t thread_pointer() {
  uint64_t self = 0;
  asm("movq %%fs:0x10, %0" : "=r"(self));
  return self;
}

}  // namespace

NodeTable* node_table() {
  static bool is_tried;
  alignas(NodeTable) static char place[sizeof(NodeTable)];
  auto* const own = reinterpret_cast<NodeTable*>(place);
  if (!is_tried) {
    is_tried = true;
    own->table_ = make_table();
  }
  return own->table_ != nullptr ? own : nullptr;
}

void NodeTable::count_lost() {
  pal::fetch_add(table_->lost, 1);
}

uint32_t NodeTable::text(Text text) {
  if (text.size == 0 || text.size > wire::kMaxTextBytes) return 0;
  const uint32_t hash = hash_of(text);
  uint32_t* slot = nullptr;
  for (uint32_t probe = 0; slot == nullptr && probe < wire::kTextSlots; ++probe) {
    uint32_t& candidate = table_->text_slots[(hash + probe) % wire::kTextSlots];
    if (candidate == 0) {
      slot = &candidate;
    } else if (const Text known = text_at(candidate);
               known.size == text.size && memcmp(known.data, text.data, text.size) == 0) {
      return candidate;
    }
  }
  const uint64_t words = 1 + (text.size + 7) / 8;
  const uint64_t position = table_->text_used;
  if (slot == nullptr || table_->text_count >= wire::kTextSlots / 4 * 3 || position + words > wire::kTextWords) {
    count_lost();
    return 0;
  }
  auto& record = *reinterpret_cast<wire::TextRecord*>(table_->texts + position);
  record = {hash, static_cast<uint32_t>(text.size)};
  memcpy(table_->texts + position + 1, text.data, text.size);
  table_->text_used = position + words;
  ++table_->text_count;
  pal::store(*slot, static_cast<uint32_t>(position));
  return static_cast<uint32_t>(position);
}

Text NodeTable::text_at(uint32_t position) const {
  if (position == 0 || position >= wire::kTextWords) return {};
  const auto& record = *reinterpret_cast<const wire::TextRecord*>(table_->texts + position);
  if (record.bytes > wire::kMaxTextBytes) return {};  // the program has scribbled over it
  return {reinterpret_cast<const char*>(table_->texts + position + 1), record.bytes};
}

KnownCode NodeTable::code_of(const trace::PythonFrame& frame) {
  StackStore store(table_->codes);
  KnownCode out;
  out.position = store.code_of(*trace::python(), frame);
  if (out.position == 0) return out;
  KindSlot& slot = private_of(table_).kinds[out.position % kKindSlots];
  if (slot.position != out.position) slot = {out.position, classify(out.position)};
  out.kind = slot.kind;
  return out;
}

Text NodeTable::file_of_code(uint32_t position) const {
  const auto& record = *reinterpret_cast<const wire::CodeRecord*>(table_->codes.words + position);
  if (record.file_kind != 1 || record.file_bytes > wire::kMaxNameBytes) return {};
  return {reinterpret_cast<const char*>(&record + 1), record.file_bytes};
}

Text NodeTable::name_of_code(uint32_t position) const {
  const auto& record = *reinterpret_cast<const wire::CodeRecord*>(table_->codes.words + position);
  if (record.name_kind != 1 || record.name_bytes > wire::kMaxNameBytes || record.file_bytes > wire::kMaxNameBytes) {
    return {};
  }
  const uint64_t file_words = (uint64_t{record.file_bytes} + 7) / 8;
  return {reinterpret_cast<const char*>(&record + 1) + file_words * 8, record.name_bytes};
}

// The monitor decides by more than this (pystate/origin.h); what is left out here is out for it as well.
bool NodeTable::is_library_file(Text file) const {
  if (file.size == 0) return false;
  if (contains(file, "/site-packages/") || contains(file, "/dist-packages/")) return true;
  if (file.data[0] == '<') {
    constexpr const char* kTyped[] = {"<string>", "<stdin>", "<input>", "<console>"};
    for (const char* typed : kTyped) {
      if (equals(file, typed)) return false;
    }
    return !contains(file, "<ipython-input-") && !contains(file, "<doctest ");
  }
  return starts_with(file, text_at(private_of(table_).library_folder));
}

// The file that the generated file was made from, 0: it is none. The latest ones are asked for most.
uint32_t NodeTable::origin_of_generated(Text file) const {
  for (uint32_t i = pal::load(table_->mapped); i-- > 0;) {
    const wire::MappedLine& line = table_->mapped_lines[i];
    const Text generated = text_at(line.generated_file);
    if (generated.size == file.size && memcmp(generated.data, file.data, file.size) == 0) return line.file;
  }
  return 0;
}

CodeKind NodeTable::classify(uint32_t position) const {
  const Text file = file_of_code(position);
  if (equals(name_of_code(position), "_apply_op_helper")) return CodeKind::kApplyHelper;
  if (is_library_file(file)) return CodeKind::kLibrary;
  const uint32_t origin = origin_of_generated(file);
  if (origin == 0) return CodeKind::kProgram;
  return is_library_file(text_at(origin)) ? CodeKind::kLibrary : CodeKind::kGenerated;
}

// Null: there is no room for another.
NodeTable::ObjectSlot* NodeTable::slot_of(const Object* object) {
  Private& own = private_of(table_);
  const uint64_t hash = mix(0, reinterpret_cast<uint64_t>(object) >> 4);
  for (uint32_t probe = 0; probe < kObjectSlots; ++probe) {
    ObjectSlot& slot = own.objects[(hash + probe) % kObjectSlots];
    if (slot.object == object) return &slot;
    if (slot.object != nullptr) continue;
    if (own.object_count >= kObjectSlots / 4 * 3) break;
    ++own.object_count;
    slot.object = object;
    return &slot;
  }
  count_lost();
  return nullptr;
}

uint32_t NodeTable::graph_of(const Interpreter& python, Object* graph) {
  ObjectSlot* const slot = slot_of(graph);
  if (slot == nullptr) return 0;
  if (slot->reference != nullptr) {
    if (python.PyWeakref_GetObject(slot->reference) == graph) return slot->graph;
    python.Py_DecRef(slot->reference);
  }
  slot->reference = python.PyWeakref_NewRef(graph, nullptr);
  if (slot->reference == nullptr) python.PyErr_Clear();
  slot->graph = ++table_->graphs;
  return slot->graph;
}

void NodeTable::assign_graph(const Object* object, uint32_t graph) {
  ObjectSlot* const slot = slot_of(object);
  if (slot != nullptr) slot->graph = graph;
}

uint32_t NodeTable::assigned_graph(const Object* object) {
  const ObjectSlot* const slot = slot_of(object);
  return slot != nullptr ? slot->graph : 0;
}

template <typename Record, uint32_t kCapacity>
void NodeTable::append(Record (&records)[kCapacity], uint32_t& count, const Record& record) {
  const uint32_t position = count;
  if (position >= kCapacity) return count_lost();
  records[position] = record;
  pal::store(count, position + 1);
}

void NodeTable::add(const wire::NodeRecord& node) {
  append(table_->node_records, table_->nodes, node);
}
void NodeTable::add(const wire::FunctionRecord& function) {
  append(table_->function_records, table_->functions, function);
}
void NodeTable::add(const wire::CallRecord& call) {
  append(table_->call_records, table_->calls, call);
}
void NodeTable::add(const wire::MappedLine& line) {
  append(table_->mapped_lines, table_->mapped, line);
}

wire::RunningGraph* NodeTable::enter(uint32_t graph, uint32_t& previous) {
  const uint64_t self = thread_pointer();
  wire::RunningGraph* slot = nullptr;
  for (wire::RunningGraph& candidate : table_->running) {
    if (candidate.thread == self) {
      slot = &candidate;
      break;
    }
    if (slot == nullptr && candidate.thread == 0) slot = &candidate;
  }
  if (slot == nullptr) return nullptr;
  previous = slot->graph;
  slot->graph = graph;
  ++slot->depth;
  pal::store(slot->thread, self);
  return slot;
}

void NodeTable::leave(wire::RunningGraph* slot, uint32_t previous) {
  if (slot == nullptr) return;
  slot->graph = previous;
  if (slot->depth > 0 && --slot->depth == 0) pal::store(slot->thread, uint64_t{0});
}

void NodeTable::set_hook(unsigned index) {
  table_->hooks |= 1u << index;
}

void NodeTable::set_library(Text folder) {
  private_of(table_).library_folder = text(folder);
}

}  // namespace segwhy::runtime::python
