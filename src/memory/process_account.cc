#include "memory/process_account.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "history/reader.h"
#include "memory/retracing.h"

namespace segwhy::memory {
namespace {

constexpr std::size_t kSitesTold = 24;
// A line is told when it holds, or held, this share of the whole.
constexpr std::uint64_t kLeastShare = 500;

std::uint64_t weight_of(const LineAccount& line) {
  return std::max(line.live_bytes, line.peak_bytes);
}

std::vector<const LineAccount*> largest_lines(const SiteHistory& history) {
  std::vector<const LineAccount*> lines;
  const std::uint64_t least = std::max(history.live_bytes(), history.peak_bytes()) / kLeastShare;
  for (const LineAccount& line : history.lines())
    if (weight_of(line) > least) lines.push_back(&line);
  std::stable_sort(lines.begin(), lines.end(),
                   [](const auto* a, const auto* b) { return weight_of(*a) > weight_of(*b); });
  if (lines.size() > kSitesTold) lines.resize(kSitesTold);
  return lines;
}

std::string kind_of_event(const BlockEvent& event, bool mappings) {
  Block block;
  block.allocated = event;
  // Frameworks ask for their buffers with an alignment, which the account does not keep: whose code it was must do.
  constexpr std::uint64_t kAligned = 64;
  block.alignment = kAligned;
  const std::string kind = history::kind_of(block);
  return kind == "other" && mappings ? "mapping" : kind;
}

}  // namespace

ProcessAccount::ProcessAccount(history::Area area) : area_(std::move(area)), stacks_(area_) {}

std::unique_ptr<ProcessAccount> ProcessAccount::open(const history::Query& process) {
  auto area = history::Area::open(*process.file, process.record, process.generation);
  if (!area || area->size(wire::kSectionSites) == 0) return nullptr;
  return std::unique_ptr<ProcessAccount>(new ProcessAccount(std::move(*area)));
}

bool ProcessAccount::look(double at_s) {
  if (!read_sites(area_, latest_)) return false;
  add_look(at_s);
  return true;
}

void ProcessAccount::add_look(double at_s) {
  looked_ = true;
  looked_at_s_ = at_s;
  history_.add(at_s, latest_, [this](std::uint32_t stack) -> std::optional<LineKey> {
    const auto recorded = stacks_.read(stack);
    return recorded ? std::optional(namer_.key_of(*recorded)) : std::nullopt;
  });
}

void ProcessAccount::look_at_holders(double at_s, pystate::Variables& variables, TargetAddr runtime) {
  holders_.add(at_s, variables,
               variables.read(runtime, [this](const std::string& file) { return namer_.is_user(file); }));
}

void ProcessAccount::look_at_end(double at_s, const wire::ClockPair& now) {
  if (!looked_ || !read_sites(area_, latest_)) return;
  std::uint64_t live = 0, newest = 0;
  for (const SiteCounts& site : latest_.sites) {
    live += site.live_bytes;
    newest = std::max(newest, site.latest_ticks);
  }
  if (live < history_.live_bytes()) return;
  at_s -= history::age_s(area_.header(), now, newest).value_or(0);
  add_look(std::max(at_s, looked_at_s_));
}

MemorySite ProcessAccount::site_of(const LineAccount& line, const wire::ClockPair& now) const {
  MemorySite site;
  site.file = to_valid_utf8(line.key.file);
  site.line = line.key.line;
  site.function = to_valid_utf8(line.key.function);
  site.importing = line.key.importing;
  site.stacks = line.stacks;
  site.live_bytes = line.live_bytes;
  site.live_blocks = line.live_blocks;
  site.total_bytes = line.total_bytes;
  site.total_blocks = line.total_blocks;
  site.peak_bytes = line.peak_bytes;
  site.largest = line.largest;
  if (line.latest_ticks != 0) site.latest_age_s = history::age_s(area_.header(), now, line.latest_ticks);
  site.series = line.series;
  return site;
}

void ProcessAccount::add_refused(const wire::ClockPair& now, MemoryUse& into) const {
  if (latest_.refused_count == 0) return;
  RefusedRequest& refused = into.refused.emplace();
  refused.bytes = latest_.refused_bytes;
  refused.count = latest_.refused_count;
  refused.age_s = history::age_s(area_.header(), now, latest_.refused_ticks);
}

void ProcessAccount::add_retracing(const wire::ClockPair& now, MemoryUse& into) {
  const auto moment = [&](std::uint64_t ticks) {
    return looked_at_s_ - history::age_s(area_.header(), now, ticks).value_or(0);
  };
  into.retracing = retraced(read_traces(area_), stacks_, namer_, moment, looked_at_s_);
  for (TracedFunction& function : into.retracing) {
    const LineKey key{function.call_file, function.call_line, {}, false, 0};
    const auto line = std::find_if(history_.lines().begin(), history_.lines().end(),
                                   [&key](const LineAccount& account) { return account.key == key; });
    if (line != history_.lines().end()) function.line_bytes = line->live_bytes;
  }
}

MemoryUse ProcessAccount::use(const wire::ClockPair& now, const history::Naming& naming) {
  MemoryUse out;
  if (!looked_) return out;
  out.exact_from = latest_.account_bytes;
  out.live_bytes = history_.live_bytes();
  out.live_blocks = history_.live_blocks();
  out.peak_bytes = history_.peak_bytes();
  out.peak_at_s = history_.peak_at_s();
  out.inherited = area_.header().parent.record != 0;
  if (latest_.lost_blocks != 0) out.lost = latest_.lost_blocks;
  add_refused(now, out);
  add_retracing(now, out);
  const std::vector<const LineAccount*> lines = largest_lines(history_);
  history::EventBuilder events(stacks_, area_, now, naming);
  std::vector<BlockEvent> described(lines.size() + 1);
  for (std::size_t i = 0; i < lines.size(); ++i) events.fill({lines[i]->stack, 0, 0, 0}, described[i]);
  events.fill({latest_.refused_stack, 0, 0, 0}, described.back());
  events.resolve();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const LineAccount& line = *lines[i];
    if (line.key == LineKey{}) {
      out.unknown_bytes = line.live_bytes;
      continue;
    }
    MemorySite site = site_of(line, now);
    site.kind = kind_of_event(described[i], line.mappings);
    for (const PythonFrame& frame : described[i].python)
      if (frame.file == site.file && frame.line == site.line && site.source.empty()) site.source = frame.source;
    site.holders = holders_of(line.series, site.source, holders_.containers());
    for (Holder& holder : site.holders) {
      holder.type = to_valid_utf8(holder.type);
      holder.name = to_valid_utf8(holder.name);
      holder.path = to_valid_utf8(holder.path);
    }
    site.python = std::move(described[i].python);
    site.native = std::move(described[i].native);
    out.sites.push_back(std::move(site));
  }
  if (out.refused) {
    out.refused->python = std::move(described.back().python);
    out.refused->native = std::move(described.back().native);
  }
  return out;
}

}  // namespace segwhy::memory
