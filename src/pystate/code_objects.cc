#include "pystate/code_objects.h"

namespace segwhy::pystate {
namespace {

// PATH_MAX, and the longest names that machine-made code comes with.
constexpr std::uint64_t kMaxFileName = 4096, kMaxFunctionName = 4096;
// The largest generated functions have some hundred thousand lines.
constexpr std::uint64_t kMaxLineTable = std::uint64_t{8} << 20;
constexpr std::uint64_t kMaxConstants = 4096;
constexpr std::int64_t kCodeUnit = 2;
constexpr std::int32_t kMaxFirstTraceable = 1 << 20;

}  // namespace

CodeObjects::Known& CodeObjects::known(TargetAddr code) {
  const auto [it, added] = known_.try_emplace(code.value());
  Known& k = it->second;
  if (!added) return k;
  k.is_code = objects_.type_name(code) == "code";
  const Layout& layout = objects_.layout();
  if (!k.is_code || !layout.has(Field::kCodeFirstTraceable)) return k;
  const auto first = objects_.memory().value<std::int32_t>(code + layout[Field::kCodeFirstTraceable]);
  if (first && *first > 0 && *first < kMaxFirstTraceable) k.first_traceable = *first * kCodeUnit;
  return k;
}

bool CodeObjects::is_code(TargetAddr code) {
  return known(code).is_code;
}

std::int64_t CodeObjects::first_traceable(TargetAddr code) {
  return known(code).first_traceable;
}

bool CodeObjects::has_begun(TargetAddr code, std::int64_t instruction) {
  // From 3.11 on the instruction at the first traceable one is RESUME, which belongs to the call.
  constexpr int kFirstMinorWithResume = 11;
  if (objects_.layout().minor < kFirstMinorWithResume) return instruction >= 0;
  return instruction > first_traceable(code);
}

TargetAddr CodeObjects::member(TargetAddr code, Field field) {
  return objects_.memory().pointer(code + objects_.layout()[field]).value_or(TargetAddr());
}

bool CodeObjects::read(TargetAddr code, CodeInfo& info) {
  const Layout& layout = objects_.layout();
  const Field name = layout.has(Field::kCodeQualname) ? Field::kCodeQualname : Field::kCodeName;
  auto file = objects_.string(member(code, Field::kCodeFilename), kMaxFileName);
  auto function = objects_.string(member(code, name), kMaxFunctionName);
  const auto first_line = objects_.memory().value<std::int32_t>(code + layout[Field::kCodeFirstLine]);
  if (!file || !function || !first_line) return false;
  info.file = std::move(*file);
  info.function = std::move(*function);
  info.first_line = *first_line;
  // Without its line table a frame still says which function it is.
  if (auto table = objects_.bytes(member(code, Field::kCodeLineTable), kMaxLineTable))
    info.line_table = std::move(*table);
  return true;
}

const CodeInfo* CodeObjects::describe(TargetAddr code) {
  Known& k = known(code);
  if (!k.is_code) return nullptr;
  if (!k.read) {
    k.read = true;
    k.readable = read(code, k.info);
  }
  return k.readable ? &k.info : nullptr;
}

CodeLocation CodeObjects::location(TargetAddr code, std::int64_t instruction) {
  const CodeInfo* info = describe(code);
  if (info == nullptr) return {};
  return find_location(line_table_format(objects_.layout().minor), info->line_table, info->first_line, instruction);
}

std::vector<std::string> CodeObjects::string_constants(TargetAddr code, std::size_t max_count,
                                                       std::uint64_t max_length) {
  std::vector<std::string> out;
  if (!is_code(code)) return out;
  for (const TargetAddr item : objects_.tuple_items(member(code, Field::kCodeConstants), kMaxConstants)) {
    if (out.size() == max_count) break;
    if (auto text = objects_.string(item, max_length)) out.push_back(std::move(*text));
  }
  return out;
}

}  // namespace segwhy::pystate
