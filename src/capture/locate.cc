#include "capture/locate.h"

#include <dirent.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "capture/maps.h"
#include "capture/procfs.h"

namespace segwhy {
namespace {

using FileIdentity = std::pair<std::uint64_t, std::uint64_t>;  // device, inode

// The file behind the session's mapping here.
std::optional<FileIdentity> session_file(const wire::Session& session) {
  const TargetAddr address(reinterpret_cast<std::uintptr_t>(&session));
  for (const Mapping& m : parse_maps(read_proc("/proc/self/maps"))) {
    if (m.contains(address)) return m.shared ? std::optional(FileIdentity(m.device, m.inode)) : std::nullopt;
  }
  return std::nullopt;
}

enum class Match { kNo, kYes, kHidden };

Match maps_file(int pid, const FileIdentity& file) {
  const auto text = read_file(proc_path(pid, "maps"));
  // Unreadable, or empty as for a zombie.
  if (!text || text->empty()) return is_alive(pid) ? Match::kHidden : Match::kNo;
  const auto mappings = parse_maps(*text);
  const bool found = std::any_of(mappings.begin(), mappings.end(),
                                 [&](const Mapping& m) { return m.shared && FileIdentity(m.device, m.inode) == file; });
  return found ? Match::kYes : Match::kNo;
}

// Innermost number of a status file's "NSpid:" line, when there is more than one.
std::optional<int> nested_pid(std::string_view status) {
  const auto levels = field_of(status, "NSpid");
  if (!levels) return std::nullopt;
  const auto last = levels->rfind('\t');
  if (last == std::string_view::npos) return std::nullopt;
  const auto pid = parse_number(levels->substr(last + 1));
  return pid ? std::optional(static_cast<int>(*pid)) : std::nullopt;
}

struct CloseDirectory {
  void operator()(DIR* d) const { ::closedir(d); }
};

Location find_in_namespaces(const FileIdentity& file, int pid_in_record) {
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir("/proc"));
  if (!directory) return {};
  bool hidden = false;
  while (const dirent* entry = ::readdir(directory.get())) {  // NOLINT(concurrency-mt-unsafe): our own stream
    const auto number = parse_number(entry->d_name);
    if (!number) continue;
    const int pid = static_cast<int>(*number);
    if (nested_pid(read_proc(proc_path(pid, "status"))) != pid_in_record) continue;
    const Match match = maps_file(pid, file);
    if (match == Match::kYes) return {LocatedProcess{pid, true}, false};
    hidden = hidden || match == Match::kHidden;
  }
  return {std::nullopt, !hidden};
}

}  // namespace

Location locate_process(const wire::Session& session, int pid_in_record) {
  const auto file = session_file(session);
  if (!file) return {};
  const Match match = maps_file(pid_in_record, *file);
  if (match == Match::kYes) return {LocatedProcess{pid_in_record, false}, false};
  Location elsewhere = find_in_namespaces(*file, pid_in_record);
  if (match == Match::kHidden) elsewhere.gone = false;
  return elsewhere;
}

int own_tid(const LocatedProcess& process, int tid) {
  if (!process.foreign) return tid;
  return nested_pid(read_proc(task_path(process.pid, tid, "status"))).value_or(tid);
}

}  // namespace segwhy
