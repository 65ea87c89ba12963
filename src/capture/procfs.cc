#include "capture/procfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <memory>

#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"

namespace segwhy {
namespace {

struct CloseDirectory {
  void operator()(DIR* d) const { ::closedir(d); }
};

// Whether both names lead to the same object now; false when either cannot be looked at.
bool same_object(const std::string& a, const std::string& b) {
  struct stat first {};
  struct stat second {};
  if (::stat(a.c_str(), &first) != 0 || ::stat(b.c_str(), &second) != 0) return false;
  return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace

std::string proc_path(int pid, std::string_view name) {
  return std::string("/proc/").append(std::to_string(pid)).append("/").append(name);
}

std::string task_path(int pid, int tid, std::string_view name) {
  return proc_path(pid, "task/").append(std::to_string(tid)).append("/").append(name);
}

std::string read_proc(const std::string& path) {
  return read_file(path).value_or(std::string());
}

std::string read_start(const std::string& path, std::size_t size) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  std::string text(size, '\0');
  const ssize_t got = ::read(fd.get(), text.data(), text.size());
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

std::string read_link(const std::string& path) {
  std::array<char, 4096> target{};
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  if (size <= 0) return {};
  std::string_view text(target.data(), static_cast<std::size_t>(size));
  constexpr std::string_view kDeleted = " (deleted)";
  if (text.ends_with(kDeleted)) text.remove_suffix(kDeleted.size());
  return std::string(text);
}

std::vector<int> list_tasks(int pid) {
  std::vector<int> out;
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(proc_path(pid, "task").c_str()));
  if (!directory) return out;
  while (const dirent* entry = ::readdir(directory.get())) {  // NOLINT(concurrency-mt-unsafe): our own stream
    if (const auto tid = parse_number(entry->d_name)) out.push_back(static_cast<int>(*tid));
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::optional<std::string_view> field_of(std::string_view text, std::string_view key) {
  for (const std::string_view line : split(text, '\n')) {
    if (!line.starts_with(key)) continue;
    const std::string_view rest = trim(line.substr(key.size()));
    if (rest.starts_with(':')) return trim(rest.substr(1));
  }
  return std::nullopt;
}

std::optional<std::uint64_t> number_of(std::string_view text, std::string_view key) {
  const auto value = field_of(text, key);
  if (!value) return std::nullopt;
  const auto end = value->find_first_of(" \t");
  const auto number = parse_number(value->substr(0, end));
  if (!number) return std::nullopt;
  const std::string_view unit = end == std::string_view::npos ? std::string_view() : trim(value->substr(end));
  if (unit != "kB") return number;
  if (*number > UINT64_MAX / 1024) return std::nullopt;
  return *number * 1024;
}

std::optional<ProcStat> parse_stat(std::string_view text) {
  constexpr std::size_t kStartTime = 19;  // of the fields behind the name; the state is the first
  const auto name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  const auto fields = split(trim(text.substr(name_end + 1)), ' ');
  if (fields.size() <= kStartTime || fields.front().size() != 1) return std::nullopt;
  const auto start = parse_number(fields[kStartTime]);
  if (!start) return std::nullopt;
  return ProcStat{fields.front().front(), *start};
}

bool is_alive(int pid) {
  const auto stat = parse_stat(read_proc(proc_path(pid, "stat")));
  if (stat) return stat->state != 'Z' && stat->state != 'X';
  return ::kill(pid, 0) == 0 || errno == EPERM;  // no /proc, or gone
}

std::vector<std::string> split_nul(std::string_view text) {
  if (text.ends_with('\0')) text.remove_suffix(1);
  if (text.empty()) return {};
  std::vector<std::string> out;
  for (const std::string_view word : split(text, '\0')) out.emplace_back(word);
  return out;
}

std::string root_of(int pid) {
  const std::string root = proc_path(pid, "root");
  const std::string target = read_link(root);
  if (target.empty()) return {};  // not ours to look at: its paths are the best guess
  const bool same_mounts = same_object(proc_path(pid, "ns/mnt"), "/proc/self/ns/mnt");
  return same_mounts && target == "/" ? std::string() : root;
}

}  // namespace segwhy
