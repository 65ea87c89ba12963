#include "memory/trace_reader.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

#include "base/text.h"

namespace segwhy::memory {
namespace {

// The text up to `end`, and what is behind it in `rest`; all of it where there is no `end`.
std::string_view take_until(std::string_view& rest, char end) {
  const std::size_t at = std::min(rest.find(end), rest.size());
  const std::string_view out = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return out;
}

std::vector<SignaturePart> parse_signature(std::string_view text) {
  std::vector<SignaturePart> out;
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    SignaturePart& part = out.emplace_back();
    part.name = to_valid_utf8(std::string(take_until(line, '\t')));
    const std::string_view kind = take_until(line, '\t');
    part.kind = kind.empty() ? '\0' : kind.front();
    part.text = to_valid_utf8(std::string(line));
  }
  return out;
}

Trace trace_of(const wire::TraceRecord& record) {
  const std::size_t bytes = std::min<std::size_t>(record.signature_bytes, sizeof record.signature);
  return {record.function, record.stack, record.ticks, (record.flags & wire::kTraceOtherObject) != 0,
          parse_signature({record.signature, bytes})};
}

}  // namespace

TraceTable read_traces(const history::Area& area) {
  TraceTable out;
  const auto table = area.at<wire::TraceTable>(wire::kSectionTraces, 0);
  if (!table) return out;
  for (std::uint32_t i = 0; i < std::min(table->functions, wire::kMaxTracedFunctions); ++i)
    out.functions.push_back({table->function_records[i].code, table->function_records[i].traces});
  const std::uint64_t room = (area.size(wire::kSectionTraces) - sizeof *table) / sizeof(wire::TraceRecord);
  std::vector<wire::TraceRecord> records(std::min<std::uint64_t>(table->traces, room));
  if (!area.read(wire::kSectionTraces, sizeof *table, std::as_writable_bytes(std::span(records)))) return out;
  for (const wire::TraceRecord& record : records)
    if (record.function < out.functions.size()) out.traces.push_back(trace_of(record));
  return out;
}

}  // namespace segwhy::memory
