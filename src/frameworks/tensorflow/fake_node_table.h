// For tests: a NodeTable in a process's memory, filled by hand as the runtime would fill it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/memory_reader.h"
#include "evidence/model/snapshot.h"
#include "evidence/wire/nodes.h"

namespace segwhy::tensorflow {

class FakeNodeTable final : public MemoryReader {
 public:
  static constexpr std::uint64_t kRuntimeData = 0x7f2200000000, kTable = 0x7f2300000000;
  static constexpr std::size_t kDataSize = 4096, kAnchorAt = 0x1c0;

  FakeNodeTable() : table_(new wire::NodeTable()), data_(kDataSize) {
    table_->magic = wire::kNodesMagic;
    table_->version = wire::kNodesVersion;
    table_->text_used = 1;
    table_->codes.python_minor = 8;
    table_->codes.used = 1;
    const wire::NodeTableAnchor anchor{wire::kNodesMagic, ~wire::kNodesMagic, kTable, sizeof(wire::NodeTable)};
    std::memcpy(data_.data() + kAnchorAt, &anchor, sizeof anchor);
    Mapping mapping;
    mapping.start = TargetAddr(kRuntimeData);
    mapping.end = TargetAddr(kRuntimeData + kDataSize);
    mapping.readable = mapping.writable = true;
    mapping.path = "/usr/lib/libsegwhy.so";
    snapshot.mappings.push_back(mapping);
    snapshot.memory = this;
  }

  std::size_t read(TargetAddr from, std::span<std::byte> out) override {
    const std::size_t table = copy(from, kTable, std::as_bytes(std::span(table_.get(), 1)), out);
    return table != 0 ? table : copy(from, kRuntimeData, data_, out);
  }

  std::uint32_t text(const std::string& text) {
    const auto [known, added] = known_.try_emplace(text, static_cast<std::uint32_t>(table_->text_used));
    if (!added) return known->second;
    const wire::TextRecord record{0, static_cast<std::uint32_t>(text.size())};
    std::memcpy(&table_->texts[table_->text_used], &record, sizeof record);
    std::memcpy(&table_->texts[table_->text_used + 1], text.data(), text.size());
    table_->text_used += 1 + (text.size() + 7) / 8;
    return known->second;
  }

  // A code object of CPython 3.8 of which each instruction, at 0, 2, 4..., is on a line of its own from `line` on.
  std::uint32_t code(const std::string& file, const std::string& function, int line) {
    const auto position = static_cast<std::uint32_t>(table_->codes.used);
    std::vector<std::uint8_t> steps;
    for (int i = 0; i < 100; ++i) steps.insert(steps.end(), {2, 1});
    const wire::CodeRecord record{1, 0, line, size_of(file), size_of(function), size_of(steps), 1, 1, {}};
    put(&record, sizeof record);
    put(file.data(), file.size());
    put(function.data(), function.size());
    put(steps.data(), steps.size());
    return position;
  }

  // A node made by the instruction of `code` on the line `lines` behind its first one. `code` 0: without a line.
  void node(std::uint32_t graph, const std::string& name, const std::string& op, std::uint32_t code, int lines = 0,
            const std::string& forward = "") {
    table_->node_records[table_->nodes++] = {text(name), text(op),  graph,
                                             code,       2 * lines, forward.empty() ? 0 : text(forward)};
  }
  void function(const std::string& name, std::uint32_t graph) {
    table_->function_records[table_->functions++] = {text(name), graph};
  }
  void call(std::uint32_t graph, const std::string& node, const std::string& function) {
    table_->call_records[table_->calls++] = {graph, text(node), function.empty() ? 0 : text(function)};
  }
  void mapped(const std::string& generated, std::uint32_t generated_line, const std::string& file, std::uint32_t line,
              const std::string& function) {
    table_->mapped_lines[table_->mapped++] = {text(generated), generated_line, text(file), line, text(function), 0};
  }
  void running(std::uint64_t thread, std::uint32_t graph) { table_->running[running_++] = {thread, graph, 1}; }

  [[nodiscard]] wire::NodeTable& table() { return *table_; }
  [[nodiscard]] std::vector<std::byte>& runtime_data() { return data_; }

  Snapshot snapshot;

 private:
  template <class Bytes>
  static std::uint32_t size_of(const Bytes& bytes) {
    return static_cast<std::uint32_t>(bytes.size());
  }

  static std::size_t copy(TargetAddr from, std::uint64_t start, std::span<const std::byte> region,
                          std::span<std::byte> out) {
    if (from.value() < start || from.value() - start >= region.size()) return 0;
    const std::size_t at = from.value() - start;
    const std::size_t count = std::min(out.size(), region.size() - at);
    std::memcpy(out.data(), region.data() + at, count);
    return count;
  }

  void put(const void* bytes, std::size_t size) {
    std::memcpy(&table_->codes.words[table_->codes.used], bytes, size);
    table_->codes.used += (size + 7) / 8;
  }

  std::unique_ptr<wire::NodeTable> table_;
  std::vector<std::byte> data_;
  std::map<std::string, std::uint32_t> known_;
  std::size_t running_ = 0;
};

}  // namespace segwhy::tensorflow
