#include "report/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/signal_names.h"
#include "base/text.h"

namespace segwhy::report {
namespace {

// The path from its last `marker` on, the marker not included.
std::optional<std::string_view> after_last(std::string_view path, std::string_view marker) {
  const auto at = path.rfind(marker);
  if (at == std::string_view::npos) return std::nullopt;
  return path.substr(at + marker.size());
}

std::string mapping_name(const MappingInfo& m) {
  std::string name = m.path.empty() ? "anonymous memory" : m.path;
  if (m.deleted) name += " (deleted)";
  if (!m.section.empty()) name += " " + m.section;
  return fmt::format("{} ({})", name, m.permissions);
}

std::string neighbour(const MappingInfo& m, std::string_view side) {
  return fmt::format("nearest mapping {}: {}, {} away", side, mapping_name(m), human_bytes(m.distance));
}

// "read of 8 bytes at 0x10"
std::string access_noun(const Fault& fault) {
  std::string text = fault.access == "execute" ? "jump" : fault.access.empty() ? "access" : fault.access;
  if (fault.width > 0 && fault.access != "execute") text += " of " + human_bytes(fault.width);
  if (fault.address) text += (fault.access == "execute" ? " to " : " at ") + hex(*fault.address);
  return text;
}

// Where the runtime itself made the memory inaccessible, the mapping's permissions explain nothing.
std::string why_guarded(const Case& c) {
  if (!c.block || c.block->place.empty()) return "";
  if (c.block->place == kPlaceGuard) return ", on the guard page of a block";
  return c.block->state == "freed" ? ", in a freed block made inaccessible" : "";
}

std::string why_refused(const Case& c) {
  if (std::string guarded = why_guarded(c); !guarded.empty()) return guarded;
  const Fault& fault = *c.fault;
  if (fault.non_canonical) return ", which no mapping can have (non-canonical)";
  if (fault.inside) return fmt::format(", in memory mapped {}", fault.inside->permissions);
  return fault.address && (fault.below || fault.above) ? ", which is not mapped" : "";
}

bool is_memory_fault(const Case& c) {
  constexpr int kBus = 7, kSegv = 11;
  return c.fault && c.fault->address && (c.death.signal == kSegv || c.death.signal == kBus);
}

std::string sender(const Case& c) {
  const Death& death = c.death;
  if (!death.sender_pid || *death.sender_pid == 0) return "";
  if (*death.sender_pid == c.program.pid) return ", raised by the process itself";
  std::string text = fmt::format(", sent by pid {}", *death.sender_pid);
  if (!death.sender_name.empty()) text += fmt::format(" ({})", death.sender_name);
  return text;
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string place(std::string_view file, const std::optional<int>& line) {
  return line ? fmt::format("{}:{}", file, *line) : std::string(file);
}

std::string short_path(std::string_view path, std::string_view cwd) {
  for (const char* marker : {"/site-packages/", "/dist-packages/"}) {
    if (const auto rest = after_last(path, marker)) return std::string(*rest);
  }
  if (const auto rest = after_last(path, "/lib/python3")) {
    const auto slash = rest->find('/');
    if (slash != std::string_view::npos) return std::string(rest->substr(slash + 1));
  }
  const bool inside = cwd.size() > 1 && path.size() > cwd.size() && path.substr(0, cwd.size()) == cwd;
  if (inside && path[cwd.size()] == '/') return std::string(path.substr(cwd.size() + 1));
  return std::string(path);
}

std::string native_name(const NativeFrame& frame, bool whole) {
  if (whole && !frame.function.empty()) return frame.function;
  if (!frame.short_name.empty()) return frame.short_name;
  if (!frame.function.empty()) return frame.function;
  if (frame.module.empty()) return fmt::format("{} (in no mapped file)", hex(frame.pc));
  return hex(frame.offset.value_or(frame.pc));
}

std::string native_place(const NativeFrame& frame, bool whole) {
  if (whole) {
    std::string text = frame.module;
    if (frame.offset) text += fmt::format("+{}", hex(*frame.offset));
    if (!frame.file.empty()) text += fmt::format(" ({})", place(frame.file, frame.line));
    return text;
  }
  if (!frame.file.empty()) return place(base_name(frame.file), frame.line);
  return std::string(base_name(frame.module));
}

std::string death_sentence(const Case& c) {
  const Death& death = c.death;
  if (death.kind == "oom") return "SIGKILL by the kernel, for lack of memory";
  if (!death.signal) {
    return death.exit_code ? fmt::format("exit status {}", *death.exit_code) : "";
  }
  std::string text = signal_name(*death.signal);
  if (is_memory_fault(c)) return fmt::format("{}: {}{}", text, access_noun(*c.fault), why_refused(c));
  return text + sender(c);
}

std::vector<std::string> neighbourhood(const Fault& fault) {
  std::vector<std::string> lines;
  if (fault.inside) {
    const MappingInfo& m = *fault.inside;
    std::string text = "inside " + mapping_name(m);
    if (m.file_size && fault.address) {
      text += fmt::format(", at offset {} of a file of {}", grouped(*fault.address - m.start + m.file_offset),
                          human_bytes(*m.file_size));
    }
    lines.push_back(std::move(text));
  }
  // What lies gigabytes away has nothing to do with the access.
  constexpr std::uint64_t kFar = std::uint64_t{1} << 32;
  if (fault.below && fault.below->distance < kFar) lines.push_back(neighbour(*fault.below, "below"));
  if (fault.above && fault.above->distance < kFar) lines.push_back(neighbour(*fault.above, "above"));
  return lines;
}

std::string operand_values(const Instruction& instruction) {
  std::vector<std::string> shown;
  const auto show = [&](std::string_view name, std::uint64_t value) {
    std::string text = fmt::format("{} = {}", name, hex(value));
    if (std::find(shown.begin(), shown.end(), text) == shown.end()) shown.push_back(std::move(text));
  };
  for (const Operand& operand : instruction.operands) {
    for (const auto& [name, value] : operand.registers) show(name, value);
    if (operand.kind == "register" && operand.read && operand.value) show(operand.text, *operand.value);
    if (operand.kind == "memory" && operand.value && operand.address) show(operand.text, *operand.value);
  }
  return fmt::format("{}", fmt::join(shown, ", "));
}

}  // namespace segwhy::report
