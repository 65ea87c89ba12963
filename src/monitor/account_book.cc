#include "monitor/account_book.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "capture/cached_memory.h"
#include "capture/file_memory.h"
#include "capture/maps.h"
#include "capture/procfs.h"
#include "pystate/variables.h"
#include "symbols/symbolizer.h"

namespace segwhy {
namespace {

// More processes than these are rare, and hold little each.
constexpr std::size_t kMostPages = 64;
constexpr double kNsPerSecond = 1e9;

// For a cache that lasts for one look.
class Borrowed final : public MemoryReader {
 public:
  explicit Borrowed(MemoryReader& memory) : memory_(memory) {}
  std::size_t read(TargetAddr from, std::span<std::byte> out) override { return memory_.read(from, out); }

 private:
  MemoryReader& memory_;
};

// A line of native code that holds much and lies in no file that was mapped when we last looked: a library may have
// been mapped since, also where something else was.
bool wants_mappings(const memory::SiteHistory& history, const Snapshot& known) {
  constexpr std::uint64_t kShare = 50;
  return std::any_of(history.lines().begin(), history.lines().end(), [&](const memory::LineAccount& line) {
    if (line.key.native == 0 || line.live_bytes <= history.live_bytes() / kShare) return false;
    const Mapping* const mapping = known.mapping_of(TargetAddr(line.key.native));
    return mapping == nullptr || mapping->path.empty();
  });
}

}  // namespace

void AccountBook::read_mappings(pid_t pid, Page& page) {
  constexpr std::uint64_t kLeastNs = 500'000'000;
  constexpr std::size_t kMostText = std::size_t{8} << 20;
  const std::uint64_t now = monotonic_ns();
  if (page.mapped_ns != 0 && now < page.mapped_ns + kLeastNs) return;
  page.mapped_ns = now;
  const std::string proc = "/proc/" + std::to_string(pid);
  const auto text = read_file(proc + "/maps", kMostText);
  if (!text || text->empty()) return;
  page.mapped.pid = pid;
  page.mapped.mappings = parse_maps(*text);
}

void AccountBook::open_body(pid_t pid, Page& page) {
  constexpr std::uint64_t kLeastNs = 50'000'000;
  const std::uint64_t now = monotonic_ns();
  if (page.body_tried_ns != 0 && now < page.body_tried_ns + kLeastNs * page.body_tries * page.body_tries) return;
  page.body_tried_ns = now;
  ++page.body_tries;
  const std::string text = read_proc(proc_path(pid, "maps"));
  Snapshot running;
  running.pid = pid;
  running.mappings = parse_maps(text);
  if (running.mappings.empty()) return;
  auto memory = ProcessMemory::open(pid, running.mappings.front().start);
  if (!memory) return;
  page.memory = std::move(*memory);
  running.memory = page.memory.get();
  if (auto body = pystate::ProgramBody::open(running)) page.body = std::move(*body);
}

// What is seen while an interpreter takes itself apart says nothing of the program. A look that is wrong about it costs
// one point of the series.
bool AccountBook::is_taken_apart(pid_t pid, Page& page) {
  if (!page.body) open_body(pid, page);
  const bool before = page.executed;
  page.executed = (page.body ? page.body->is_executed() : std::nullopt).value_or(page.executed);
  page.began = page.began || page.executed;
  if (before && !page.executed) read_mappings(pid, page);  // the last ones that matter
  return page.began && !page.executed;
}

// Takes longer than the look at the account: for a hundredth of the time at most, and seldom enough that a short
// growth is seen often enough.
void AccountBook::look_at_holders(double at_s, Page& page) {
  constexpr std::uint64_t kLeastNs = 20'000'000, kShare = 100;
  if (!page.body || !page.executed || monotonic_ns() < page.holders_due_ns) return;
  const std::uint64_t spent = thread_cpu_ns();
  // Small objects lie close together: a page at a time is a tenth of the calls.
  CachedMemory memory(std::make_unique<Borrowed>(page.body->memory()), 1);
  pystate::Variables variables(memory, page.body->layout());
  page.account->look_at_holders(at_s, variables, page.body->runtime());
  page.holders_due_ns = monotonic_ns() + std::max(kLeastNs, kShare * (thread_cpu_ns() - spent));
}

AccountBook::Page* AccountBook::page_of(const TrackedProcess& process) {
  if (process.slot >= wire::kMaxProcesses) return nullptr;
  Page& page = pages_[process.pid];
  const bool same = page.account && page.slot == process.slot && page.generation == process.record.generation;
  if (same) return &page;
  history::Query query;
  query.file = &file_;
  query.record = process.slot;
  query.generation = process.record.generation;
  auto account = memory::ProcessAccount::open(query);
  if (!account) {
    if (!page.account) pages_.erase(process.pid);
    return nullptr;
  }
  page = Page{};
  page.slot = process.slot;
  page.generation = process.record.generation;
  page.account = std::move(account);
  return &page;
}

void AccountBook::look_at(const TrackedProcess& process, bool settled) {
  Page* const page = page_of(process);
  if (page == nullptr || page->closed) return;
  const bool seen_before = page->looked.monotonic_ns != 0;
  const std::uint64_t now = monotonic_ns();
  const double at_s = static_cast<double>(now - start_ns_) / kNsPerSecond;
  if (seen_before && (settled || is_taken_apart(process.pid, *page)))
    return page->account->look_at_end(at_s, {__builtin_ia32_rdtsc(), now});
  if (!page->account->look(at_s)) return;
  page->looked = {__builtin_ia32_rdtsc(), now};
  look_at_holders(at_s, *page);
  if (page->mapped_ns == 0 || wants_mappings(page->account->history(), page->mapped)) read_mappings(process.pid, *page);
}

void AccountBook::look(const std::vector<TrackedProcess>& processes) {
  for (const TrackedProcess& process : processes) look_at(process, false);
  if (pages_.size() <= kMostPages) return;
  std::erase_if(pages_, [&processes](const auto& page) {
    return std::none_of(processes.begin(), processes.end(),
                        [&page](const TrackedProcess& process) { return process.pid == page.first; });
  });
}

void AccountBook::close(const TrackedProcess& process, bool settled, const std::string& cwd) {
  look_at(process, settled);
  auto use = use_of(process.pid, cwd);
  if (const auto page = pages_.find(process.pid); page != pages_.end()) page->second.closed = std::move(use);
}

std::optional<MemoryUse> AccountBook::use_of(pid_t pid, const std::string& cwd) {
  const auto found = pages_.find(pid);
  if (found == pages_.end() || !found->second.account) return std::nullopt;
  Page& page = found->second;
  if (page.closed) return page.closed;
  history::Naming naming;
  if (!cwd.empty()) naming.directories.push_back(cwd);
  FileMemory files(page.mapped.mappings);  // the process may be gone
  page.mapped.memory = &files;
  std::optional<Symbolizer> symbolizer;
  if (!page.mapped.mappings.empty()) {
    if (auto opened = Symbolizer::open(page.mapped)) symbolizer.emplace(std::move(*opened));
  }
  if (symbolizer) {
    naming.snapshot = &page.mapped;
    naming.symbolizer = &*symbolizer;
  }
  auto use = page.account->use(page.looked, naming);
  page.mapped.memory = nullptr;
  return use;
}

const memory::SiteHistory* AccountBook::largest() const {
  const memory::SiteHistory* best = nullptr;
  for (const auto& [pid, page] : pages_) {
    const memory::SiteHistory& history = page.account->history();
    if (best == nullptr || history.live_bytes() > best->live_bytes()) best = &history;
  }
  return best;
}

}  // namespace segwhy
