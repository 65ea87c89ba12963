#include "assemble/thread_groups.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"
#include "symbols/symbolizer.h"

namespace segwhy {
namespace {

// Runs what others hand it; the argument tells who that is.
bool starts_for_others(std::string_view module) {
  const std::string_view file = base_name(module);
  return file.starts_with("libstdc++") || file.starts_with("libc++") || file.starts_with("libc.so") ||
         file.starts_with("libpthread");
}

ThreadGroup name_group(const Snapshot& snapshot, Symbolizer& symbolizer, const wire::ThreadStart& start) {
  TargetAddr address(start.routine);
  const Mapping* mapping = snapshot.mapping_of(address);
  if (mapping != nullptr && starts_for_others(mapping->path)) {
    const TargetAddr object(start.argument_word);
    const Mapping* const owner = snapshot.mapping_of(object);
    if (owner != nullptr && owner->path.starts_with('/') && !starts_for_others(owner->path)) {
      mapping = owner;
      address = object;
    }
  }
  ThreadGroup group;
  group.threads = start.live;
  if (mapping != nullptr) group.module = mapping->path;
  // A virtual table's name is a type nobody wrote: the library says enough.
  if (address.value() == start.routine)
    if (const auto symbol = symbolizer.symbol_at(address)) group.function = shorten_function_name(symbol->demangled);
  return group;
}

}  // namespace

std::vector<ThreadGroup> name_thread_groups(const Capture& capture, std::span<const wire::ThreadStart> starts) {
  std::vector<ThreadGroup> groups;
  const auto is_used = [](const wire::ThreadStart& s) { return s.live != 0; };
  if (std::none_of(starts.begin(), starts.end(), is_used)) return groups;
  auto symbolizer = Symbolizer::open(capture.snapshot());
  if (!symbolizer) return groups;
  for (const wire::ThreadStart& start : starts)
    if (is_used(start)) groups.push_back(name_group(capture.snapshot(), *symbolizer, start));
  return groups;
}

}  // namespace segwhy
