// FakeRecorder: a flight recorder written by hand, for tests of what reads one. Everything in it can be damaged.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evidence/wire/accesses.h"
#include "evidence/wire/recorder.h"
#include "evidence/wire/sites.h"
#include "evidence/wire/stacks.h"
#include "evidence/wire/traces.h"
#include "history/history.h"

namespace segwhy::history {

// A sparse file: pages that were never written read as zeros, up to the recorder's size.
class FakeFile final : public MemoryReader {
 public:
  std::size_t read(TargetAddr from, std::span<std::byte> out) override {
    std::size_t done = 0;
    for (; done < out.size() && from.value() + done < wire::kRecorderFileBytes; ++done) {
      const auto page = pages_.find((from.value() + done) / kPage);
      out[done] = page == pages_.end() ? std::byte{} : page->second[(from.value() + done) % kPage];
    }
    return done;
  }
  void write(std::uint64_t at, std::span<const std::byte> bytes) {
    for (const std::byte b : bytes) {
      auto& page = pages_[at / kPage];
      page.resize(kPage);
      page[at++ % kPage] = b;
    }
  }

 private:
  static constexpr std::uint64_t kPage = 4096;
  std::map<std::uint64_t, std::vector<std::byte>> pages_;
};

class FakeRecorder {
 public:
  static constexpr std::uint32_t kRecord = 3, kGeneration = 7;
  static constexpr std::uint64_t kTicksPerSecond = 1000;  // age_s() computes with this clock
  static constexpr std::uint64_t kBase = 0x7f0000000000, kPage = 4096;
  static constexpr std::uint64_t kStride = 2 * kPage;  // a page for the block, a page of guard
  static constexpr std::uint32_t kSlots = 8;
  static constexpr std::uint32_t kSites = 16;
  static constexpr std::uint32_t kTraces = 64;

  // Several can lie in one file.
  explicit FakeRecorder(std::uint32_t record = kRecord, std::shared_ptr<FakeFile> in = std::make_shared<FakeFile>())
      : shared(std::move(in)), file(*shared), area_(wire::area_offset(record)) {
    header.magic = wire::kAreaMagic;
    header.version = wire::kRecorderVersion;
    header.record = record;
    header.generation = kGeneration;
    header.area_bytes = wire::kAreaBytes;
    header.mode = header.mode_requested = wire::kProtectTensors;
    header.tactic_small = wire::kTacticMove;
    header.first_clock = {1000, 0};
    std::uint64_t at = kPage;
    const auto section = [&](wire::AreaSection which, std::uint64_t size) {
      header.sections[which] = {at, size};
      at += (size + kPage - 1) / kPage * kPage;
    };
    section(wire::kSectionBlocks, sizeof(wire::BlockTable) + kSlots * sizeof(wire::BlockRecord));
    section(wire::kSectionPastLives, sizeof(wire::PastLives) + 16 * sizeof(wire::PastLife));
    section(wire::kSectionFindings, sizeof(wire::Findings));
    section(wire::kSectionStacks, sizeof(wire::StackSection));
    section(wire::kSectionSites, sizeof(wire::SiteTable) + kSites * sizeof(wire::SiteRecord));
    section(wire::kSectionTraces, sizeof(wire::TraceTable) + kTraces * sizeof(wire::TraceRecord));
    section(wire::kSectionAccesses, sizeof(wire::AccessTable) + 4 * sizeof(wire::WatchedBlock));
    put(wire::kSectionBlocks, 0, std::uint64_t{kSlots});
    put(wire::kSectionBlocks, offsetof(wire::BlockTable, regions), wire::Region{kBase, kStride, kPage, kSlots, 0});
    put(wire::kSectionPastLives, offsetof(wire::PastLives, capacity), std::uint64_t{16});
    put(wire::kSectionStacks, offsetof(wire::StackSection, python_minor), std::uint32_t{8});
    put(wire::kSectionAccesses, offsetof(wire::AccessTable, refusal), std::uint32_t{wire::kExactNotAsked});
    finish();
  }

  wire::AreaHeader header{};

  // Call after changing `header`.
  void finish() { file.write(area_, std::as_bytes(std::span(&header, 1))); }

  template <class T>
  void put(wire::AreaSection section, std::uint64_t offset, const T& value) {
    file.write(area_ + header.sections[section].offset + offset, std::as_bytes(std::span(&value, 1)));
  }

  // A block of `size` bytes in `slot`, ending where its slot's guard begins but for alignment to 64.
  wire::BlockRecord block(std::uint32_t slot, std::uint64_t size, wire::BlockState state) {
    wire::BlockRecord record{};
    const std::uint64_t end = kBase + slot * kStride + kPage;
    record.address = (end - size) / 64 * 64;
    record.size = size;
    record.state = state;
    record.kind = wire::kBlockAligned;
    record.alignment_log2 = 6;
    record.allocating_tid = 100;
    record.allocated_ticks = 2000;
    if (state != wire::kBlockLive) {
      record.freeing_tid = 101;
      record.freed_ticks = 3000;
    }
    put_block(slot, record);
    return record;
  }
  void put_block(std::uint32_t slot, const wire::BlockRecord& record) {
    put(wire::kSectionBlocks, sizeof(wire::BlockTable) + slot * sizeof record, record);
  }

  // `count` places of the table of call sites are taken, the first by that of unknown stacks.
  void sites(std::uint64_t account_bytes, std::uint32_t count) {
    wire::SiteTable table{};
    table.account_bytes = account_bytes;
    table.capacity = kSites;
    table.count = count;
    put(wire::kSectionSites, 0, table);
  }
  void put_site(std::uint32_t index, const wire::SiteRecord& record) {
    put(wire::kSectionSites, sizeof(wire::SiteTable) + index * sizeof record, record);
  }

  // A stack whose one Python frame is at `line` of "/home/user/<file>"; returns its id.
  std::uint32_t stack(const std::string& file_name, int line, const std::vector<std::uint64_t>& native = {}) {
    const std::uint32_t code = put_code("/home/user/" + file_name, "train", line);
    const std::uint32_t id = next_word_;
    put_words(wire::StackRecord{id, static_cast<std::uint16_t>(native.size()), 1, 0, 0});
    for (const std::uint64_t pc : native) put_words(pc);
    put_words(wire::PythonFrameRecord{code, 0});
    return id;
  }

  template <class T>
  void put_words(const T& value) {
    put(wire::kSectionStacks, offsetof(wire::StackSection, words) + next_word_ * 8, value);
    next_word_ += static_cast<std::uint32_t>((sizeof value + 7) / 8);
  }

  void finding(std::uint32_t index, const wire::Finding& value) {
    put(wire::kSectionFindings, offsetof(wire::Findings, count), index + 1);
    put(wire::kSectionFindings, offsetof(wire::Findings, entries) + index * sizeof value, value);
  }

  [[nodiscard]] Query query() {
    Query q;
    q.file = &file;
    q.record = header.record;
    q.generation = kGeneration;
    q.now = {1000 + 10 * kTicksPerSecond, 10'000'000'000};
    return q;
  }

  std::shared_ptr<FakeFile> shared;
  FakeFile& file;

 private:
  std::uint32_t put_code(const std::string& file_name, const std::string& function, int line) {
    const std::uint32_t at = next_word_;
    wire::CodeRecord code{};
    code.hash = at;
    code.first_line = line;
    code.file_bytes = static_cast<std::uint32_t>(file_name.size());
    code.name_bytes = static_cast<std::uint32_t>(function.size());
    code.line_table_bytes = 2;
    code.file_kind = code.name_kind = 1;
    put_words(code);
    put_text(file_name);
    put_text(function);
    put_words(std::uint16_t{0x0010});  // lnotab: 16 bytes on the first line
    return at;
  }
  void put_text(std::string_view text) {
    file.write(
        area_ + header.sections[wire::kSectionStacks].offset + offsetof(wire::StackSection, words) + next_word_ * 8,
        std::as_bytes(std::span(text.data(), text.size())));
    next_word_ += static_cast<std::uint32_t>((text.size() + 7) / 8);
  }

  std::uint64_t area_;
  std::uint32_t next_word_ = 1;
};

}  // namespace segwhy::history
