#include "history/stacks.h"

#include <algorithm>
#include <array>

#include "evidence/wire/stacks.h"
#include "pystate/layout.h"
#include "pystate/objects.h"

namespace segwhy::history {
namespace {

constexpr std::uint64_t kWord = sizeof(std::uint64_t);

[[nodiscard]] std::uint64_t words(std::uint64_t bytes) {
  return (bytes + kWord - 1) / kWord;
}

}  // namespace

StackReader::StackReader(const Area& area) : area_(area) {
  const auto minor = area.at<std::uint32_t>(wire::kSectionStacks, offsetof(wire::StackSection, python_minor));
  if (minor && *minor >= pystate::kOldestMinor && *minor <= pystate::kNewestMinor)
    format_ = pystate::line_table_format(static_cast<int>(*minor));
}

template <class T>
std::optional<T> StackReader::word_at(std::uint64_t position) const {
  static_assert(sizeof(T) % kWord == 0);
  if (position == 0 || position >= wire::kStackWords) return std::nullopt;
  return area_.at<T>(wire::kSectionStacks, offsetof(wire::StackSection, words) + position * kWord);
}

// All of them, or false.
bool StackReader::words_at(std::uint64_t position, std::span<std::byte> out) const {
  if (position >= wire::kStackWords) return false;
  return area_.read(wire::kSectionStacks, offsetof(wire::StackSection, words) + position * kWord, out);
}

std::optional<RecordedStack> StackReader::read(std::uint32_t id) {
  const auto record = word_at<wire::StackRecord>(id);
  if (!record || record->native > wire::kMaxNativeFrames || record->python > wire::kMaxPythonFrames)
    return std::nullopt;
  RecordedStack out;
  out.exact_pc = (record->flags & wire::kStackExactPc) != 0;
  out.native_cut = (record->flags & wire::kStackNativeCut) != 0;
  out.python_cut = (record->flags & (wire::kStackPythonCut | wire::kStackPythonUnreadable)) != 0;
  const std::uint64_t position = id + sizeof(wire::StackRecord) / kWord;
  std::array<wire::PythonFrameRecord, wire::kMaxPythonFrames> frames;
  out.native.resize(record->native);
  if (!words_at(position, std::as_writable_bytes(std::span(out.native)))) return std::nullopt;
  const auto python = std::span(frames).first(record->python);
  if (!words_at(position + record->native, std::as_writable_bytes(python))) return std::nullopt;
  for (const wire::PythonFrameRecord& frame : python) {
    const Code* code = code_at(frame.code);
    if (code == nullptr || !format_) {
      out.python_cut = true;
      continue;
    }
    out.python.push_back({code->file, code->function, location_of(*code, frame)});
  }
  return out;
}

const pystate::CodeLocation& StackReader::location_of(const Code& code, const wire::PythonFrameRecord& frame) {
  constexpr std::size_t kMostKept = 1 << 16;
  if (locations_.size() >= kMostKept) locations_.clear();
  const auto [it, added] = locations_.try_emplace({frame.code, frame.instruction});
  if (added) it->second = pystate::find_location(*format_, code.line_table, code.first_line, frame.instruction);
  return it->second;
}

const StackReader::Code* StackReader::code_at(std::uint32_t position) {
  const auto [it, added] = codes_.try_emplace(position);
  if (added) it->second = read_code(position);
  return it->second ? &*it->second : nullptr;
}

std::optional<std::string> StackReader::text_at(std::uint64_t position, std::uint32_t bytes, std::uint8_t kind) const {
  if (bytes > wire::kMaxNameBytes || (kind != 1 && kind != 2 && kind != 4) || bytes % kind != 0) return std::nullopt;
  const auto data = area_.bytes(wire::kSectionStacks, offsetof(wire::StackSection, words) + position * kWord, bytes);
  return data ? pystate::utf8_of(*data, kind) : std::nullopt;
}

std::optional<StackReader::Code> StackReader::read_code(std::uint32_t position) const {
  const auto record = word_at<wire::CodeRecord>(position);
  if (!record || record->line_table_bytes > wire::kMaxLineTable) return std::nullopt;
  std::uint64_t at = position + sizeof(wire::CodeRecord) / kWord;
  auto file = text_at(at, record->file_bytes, record->file_kind);
  at += words(record->file_bytes);
  auto function = text_at(at, record->name_bytes, record->name_kind);
  at += words(record->name_bytes);
  if (!file || !function || file->empty()) return std::nullopt;
  auto table =
      area_.bytes(wire::kSectionStacks, offsetof(wire::StackSection, words) + at * kWord, record->line_table_bytes);
  return Code{std::move(*file), std::move(*function), record->first_line,
              table ? std::move(*table) : std::vector<std::byte>()};
}

}  // namespace segwhy::history
