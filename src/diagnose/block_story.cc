#include "diagnose/block_story.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "diagnose/frames.h"
#include "diagnose/narrate.h"
#include "diagnose/where.h"

namespace segwhy {
namespace {

constexpr std::uint64_t kShortened = 10'000;  // from here a count is easier to read in KiB

// Wrappers that every framework has around malloc and free, by their names: AlignedMalloc, AllocateRaw, allocate_temp,
// operator new, Tensor::Tensor...
bool only_allocates(const std::string& name) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return text::contains_any(lower, {"alloc", "operator new", "operator delete", "::free", "tensor::tensor", "ffi_"});
}

std::string python_place(const std::string& file, const std::optional<int>& line, const std::string& function) {
  std::string place = short_place(file, line);
  return function.empty() || function == "<module>" ? place : fmt::format("{} ({})", place, function);
}

std::string event_sentence(const char* what, const std::optional<BlockEvent>& event) {
  if (!event) return {};
  const std::string place = place_of(*event);
  std::string text = fmt::format("It was {}", what);
  if (!place.empty()) text += " at " + place;
  if (!event->op.empty()) text += fmt::format(" in op {}", event->op);
  if (event->thread) text += fmt::format(" by thread {}", *event->thread);
  if (event->age_s) text += fmt::format(", {} before", duration(*event->age_s));
  return text + ".";
}

}  // namespace

std::string duration(double seconds) {
  constexpr double kPerMilli = 1e3, kPerMicro = 1e6;
  if (seconds < 1 / kPerMilli) return fmt::format("{:.0f} us", std::max(0.0, seconds) * kPerMicro);
  return seconds < 1 ? fmt::format("{:.0f} ms", seconds * kPerMilli) : fmt::format("{:.3g} s", seconds);
}

std::optional<SourceLine> line_of(const BlockEvent& event) {
  Thread thread;
  thread.python = event.python;
  auto line = user_line(thread);
  return line || !event.python.empty() ? line : user_line(event.native);
}

const NativeFrame* owner_frame(const BlockEvent& event) {
  const auto first = [&event](auto&& test) {
    const auto it = std::find_if(event.native.begin(), event.native.end(), test);
    return it == event.native.end() ? nullptr : &*it;
  };
  if (const auto* kernel = first([](const NativeFrame& f) { return f.short_name.ends_with("::Compute"); }))
    return kernel;
  return first([](const NativeFrame& f) {
    return !f.short_name.empty() && !is_allocator(f) && !is_memory_routine(f) && !only_allocates(f.short_name);
  });
}

std::string place_of(const BlockEvent& event) {
  if (const auto line = line_of(event)) return python_place(line->file, line->line, line->function);
  if (!event.python.empty()) {
    const PythonFrame& frame = event.python.front();
    return python_place(frame.file, frame.line, frame.function);
  }
  const NativeFrame* owner = owner_frame(event);
  return owner == nullptr ? std::string() : describe(*owner);
}

std::string byte_count(std::uint64_t count) {
  return count < kShortened ? fmt::format("{} byte{}", count, count == 1 ? "" : "s") : human_bytes(count);
}

std::string size_and_kind(const Block& block) {
  const std::string size = block.size < kShortened ? fmt::format("{}-byte", block.size) : human_bytes(block.size);
  return fmt::format("{} {}", size, block.kind.empty() || block.kind == "other" ? "block" : block.kind);
}

std::string block_phrase(const Block& block) {
  std::string text = "the " + size_and_kind(block);
  const std::string place = block.allocated ? place_of(*block.allocated) : std::string();
  if (!place.empty()) text += " allocated at " + place;
  return text;
}

std::string distance_phrase(const Block& block, std::int64_t offset) {
  const auto size = static_cast<std::int64_t>(block.size);
  if (offset < 0) return byte_count(static_cast<std::uint64_t>(-offset)) + " before the start of";
  if (offset == size) return "right past the end of";
  if (offset > size) return byte_count(static_cast<std::uint64_t>(offset - size)) + " past the end of";
  return fmt::format("at byte {} of", offset);
}

std::string allocated_sentence(const Block& block) {
  return event_sentence("allocated", block.allocated);
}

std::string freed_sentence(const Block& block) {
  return event_sentence("freed", block.freed);
}

std::string moment_sentence(const MemoryFinding& finding) {
  if (!finding.late) return {};
  const std::string place = finding.found ? place_of(*finding.found) : std::string();
  const std::string noticed = place.empty() ? "it was noticed" : "it was noticed at " + place;
  if (!finding.last_good_age_s || !finding.found_age_s)
    return fmt::format("It happened at some time before {}.", noticed);
  return fmt::format("It happened in the {} before {}: the bytes were intact then.",
                     duration(*finding.last_good_age_s - *finding.found_age_s), noticed);
}

}  // namespace segwhy
