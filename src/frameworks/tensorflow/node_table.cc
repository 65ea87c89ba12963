#include "frameworks/tensorflow/node_table.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "pystate/layout.h"
#include "pystate/objects.h"

namespace segwhy::tensorflow {
namespace {

constexpr std::uint64_t kWord = sizeof(std::uint64_t);
constexpr char kRuntimeName[] = "libsegwhy";
constexpr std::uint64_t kMaxRuntimeData = 1 << 20;

std::uint64_t words(std::uint64_t bytes) {
  return (bytes + kWord - 1) / kWord;
}

// The address that an anchor in `data` gives; nullopt when it holds none.
std::optional<std::uint64_t> table_of_anchor(std::span<const std::byte> data) {
  constexpr std::size_t kAlignment = 16;
  for (std::size_t at = 0; at + sizeof(wire::NodeTableAnchor) <= data.size(); at += kAlignment) {
    wire::NodeTableAnchor anchor;
    std::memcpy(&anchor, data.data() + at, sizeof anchor);
    if (anchor.magic == wire::kNodesMagic && anchor.check == ~wire::kNodesMagic)
      return anchor.size == sizeof(wire::NodeTable) && anchor.table != 0 ? std::optional(anchor.table) : std::nullopt;
  }
  return std::nullopt;
}

bool is_generated_name(std::string_view file) {
  return base_name(file).starts_with("__autograph_generated_file");
}

}  // namespace

std::optional<NodeTable> NodeTable::find(const Snapshot& snapshot) {
  for (const Mapping& mapping : snapshot.mappings) {
    if (!mapping.writable || !base_name(mapping.path).starts_with(kRuntimeName)) continue;
    const std::uint64_t size = std::min(mapping.end.value() - mapping.start.value(), kMaxRuntimeData);
    const auto data = snapshot.memory->bytes(mapping.start, size);
    const auto address = data ? table_of_anchor(*data) : std::nullopt;
    if (address) return read(snapshot, *address);
  }
  return std::nullopt;
}

std::optional<NodeTable> NodeTable::read(const Snapshot& snapshot, std::uint64_t address) {
  NodeTable table(snapshot, address);
  if (!table.load()) return std::nullopt;
  return table;
}

template <class Record>
bool NodeTable::load_records(std::size_t offset, std::uint64_t count, std::uint64_t capacity,
                             std::vector<Record>& into) {
  if (count > capacity) return false;
  into.resize(count);
  return memory_->read_exact(TargetAddr(address_ + offset), std::as_writable_bytes(std::span(into)));
}

bool NodeTable::load() {
  struct Header {
    std::uint64_t magic;
    std::uint32_t version, hooks, nodes, functions, calls, mapped, graphs, lost, text_count, reserved;
    std::uint64_t text_used;
  };
  static_assert(sizeof(Header) == offsetof(wire::NodeTable, running));
  const auto header = memory_->value<Header>(TargetAddr(address_));
  if (!header || header->magic != wire::kNodesMagic || header->version != wire::kNodesVersion) return false;
  const auto minor =
      memory_->value<std::uint32_t>(TargetAddr(address_ + offsetof(wire::NodeTable, codes.python_minor)));
  if (minor && *minor >= pystate::kOldestMinor && *minor <= pystate::kNewestMinor)
    format_ = pystate::line_table_format(static_cast<int>(*minor));
  std::vector<std::uint64_t> texts;
  using Table = wire::NodeTable;
  const bool complete =
      load_records(offsetof(Table, texts), header->text_used, wire::kTextWords, texts) &&
      load_records(offsetof(Table, node_records), header->nodes, wire::kMaxNodes, nodes_) &&
      load_records(offsetof(Table, function_records), header->functions, wire::kMaxFunctions, functions_) &&
      load_records(offsetof(Table, call_records), header->calls, wire::kMaxCalls, calls_) &&
      load_records(offsetof(Table, mapped_lines), header->mapped, wire::kMaxMappedLines, mapped_) &&
      load_records(offsetof(Table, running), wire::kMaxRunning, wire::kMaxRunning, running_);
  if (!complete) return false;
  const auto bytes = std::as_bytes(std::span(texts));
  texts_.assign(bytes.begin(), bytes.end());
  std::erase_if(running_, [](const wire::RunningGraph& r) { return r.thread == 0; });
  return true;
}

std::string_view NodeTable::text(std::uint32_t position) const {
  const std::uint64_t at = position * kWord;
  wire::TextRecord record;
  if (position == 0 || at + sizeof record > texts_.size()) return {};
  std::memcpy(&record, texts_.data() + at, sizeof record);
  if (record.bytes > wire::kMaxTextBytes || at + sizeof record + record.bytes > texts_.size()) return {};
  return {reinterpret_cast<const char*>(texts_.data() + at + sizeof record), record.bytes};
}

std::optional<std::string> NodeTable::code_text(std::uint64_t at, std::uint32_t bytes, std::uint8_t kind) const {
  if (bytes > wire::kMaxNameBytes || (kind != 1 && kind != 2 && kind != 4) || bytes % kind != 0) return std::nullopt;
  const auto data = memory_->bytes(TargetAddr(at), bytes);
  return data ? pystate::utf8_of(*data, kind) : std::nullopt;
}

std::optional<NodeTable::Code> NodeTable::code_at(std::uint32_t position) const {
  if (position == 0 || position + words(sizeof(wire::CodeRecord)) > wire::kStackWords) return std::nullopt;
  std::uint64_t at = address_ + offsetof(wire::NodeTable, codes.words) + position * kWord;
  const auto record = memory_->value<wire::CodeRecord>(TargetAddr(at));
  if (!record || record->line_table_bytes > wire::kMaxLineTable) return std::nullopt;
  at += sizeof(wire::CodeRecord);
  auto file = code_text(at, record->file_bytes, record->file_kind);
  at += words(record->file_bytes) * kWord;
  auto function = code_text(at, record->name_bytes, record->name_kind);
  at += words(record->name_bytes) * kWord;
  auto lines = memory_->bytes(TargetAddr(at), record->line_table_bytes);
  if (!file || !function || !lines || file->empty()) return std::nullopt;
  return Code{to_valid_utf8(*file), to_valid_utf8(*function), record->first_line, std::move(*lines)};
}

std::optional<CodeLine> NodeTable::line_of(const wire::NodeRecord& node) const {
  const auto code = format_ ? code_at(node.code) : std::nullopt;
  if (!code) return std::nullopt;
  const auto location = pystate::find_location(*format_, code->line_table, code->first_line, node.instruction);
  if (!location.line) return std::nullopt;
  return written_line({code->file, code->function, *location.line});
}

std::set<std::string_view> NodeTable::generated_files() const {
  std::set<std::uint32_t> positions;
  for (const wire::MappedLine& line : mapped_) positions.insert(line.generated_file);
  std::set<std::string_view> out;
  for (const std::uint32_t position : positions) out.insert(text(position));
  out.erase(std::string_view());
  return out;
}

// The latest map counts: a name can be used again once its file is gone.
std::optional<CodeLine> NodeTable::written_line(CodeLine line) const {
  bool is_generated = is_generated_name(line.file);
  for (auto it = mapped_.rbegin(); it != mapped_.rend(); ++it) {
    if (text(it->generated_file) != line.file) continue;
    is_generated = true;
    if (it->generated_line != static_cast<std::uint32_t>(line.line)) continue;
    const std::string_view file = text(it->file);
    if (file.empty() || it->line == 0 || it->line > INT32_MAX) return std::nullopt;
    return CodeLine{to_valid_utf8(std::string(file)), to_valid_utf8(std::string(text(it->function))),
                    static_cast<int>(it->line)};
  }
  if (is_generated) return std::nullopt;
  return line;
}

}  // namespace segwhy::tensorflow
