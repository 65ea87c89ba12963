#include "monitor/target_command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

#include "base/text.h"

namespace segwhy {
namespace {

bool is_regular_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

bool is_executable_file(const std::string& path) {
  return is_regular_file(path) && ::access(path.c_str(), X_OK) == 0;
}

// Where the shell looks when PATH is not set.
constexpr char kDefaultPath[] = "/usr/local/bin:/usr/bin:/bin";

struct Lookup {
  std::string found;           // empty: none
  std::string not_executable;  // a file of that name without permission to execute, when nothing better was found
};

Lookup look_up(const std::string& name, const CommandRequest& request) {
  Lookup result;
  const auto consider = [&result](const std::string& path) {
    if (is_executable_file(path)) result.found = path;
    if (result.found.empty() && result.not_executable.empty() && is_regular_file(path)) result.not_executable = path;
    return !result.found.empty();
  };
  if (name.find('/') != std::string::npos) {
    consider(name);
    return result;
  }
  const std::string path = request.environment("PATH").value_or(kDefaultPath);
  for (const std::string_view directory : split(path, ':')) {
    // An empty element means the working directory.
    const std::string base = directory.empty() ? "." : std::string(directory);
    if (consider(base + "/" + name)) break;
  }
  return result;
}

tl::unexpected<CommandError> not_found(const std::string& name, int status, const std::string& why) {
  return tl::unexpected<CommandError>(CommandError{{name + ": " + why, {}}, status});
}

std::optional<std::string> first_python(const CommandRequest& request) {
  std::vector<std::string> candidates;
  if (const auto chosen = request.environment("SEGWHY_PYTHON"); chosen && !chosen->empty()) {
    const std::string found = look_up(*chosen, request).found;
    return found.empty() ? std::nullopt : std::optional(found);
  }
  if (const auto active = request.environment("VIRTUAL_ENV"); active && !active->empty())
    candidates.push_back(*active + "/bin/python");
  if (!request.own_directory.empty()) {
    candidates.push_back(request.own_directory + "/python3");
    candidates.push_back(request.own_directory + "/python");
  }
  for (const std::string& candidate : candidates)
    if (is_executable_file(candidate)) return candidate;
  for (const char* name : {"python3", "python"})
    if (std::string found = look_up(name, request).found; !found.empty()) return found;
  return std::nullopt;
}

tl::expected<TargetCommand, CommandError> with_python(const std::string& python, const CommandRequest& request) {
  TargetCommand command{python, {python}};
  command.argv.insert(command.argv.end(), request.words.begin(), request.words.end());
  return command;
}

// A script is run by a Python when its name says so, or when it is a file that could not be executed anyway.
bool is_python_script(const std::string& word, const Lookup& lookup) {
  if (word.ends_with(".py") && is_regular_file(word)) return true;
  return lookup.found.empty() && is_regular_file(word);
}

}  // namespace

tl::expected<TargetCommand, CommandError> resolve_command(const CommandRequest& request) {
  if (request.python) {
    const Lookup lookup = look_up(*request.python, request);
    if (lookup.found.empty()) return not_found(*request.python, 127, "no such Python (--python)");
    return with_python(lookup.found, request);
  }
  const std::string& word = request.words.front();
  const Lookup lookup = look_up(word, request);
  if (is_python_script(word, lookup)) {
    const auto python = first_python(request);
    if (!python) return not_found(word, 127, "no Python to run it with; name one with --python or SEGWHY_PYTHON");
    return with_python(*python, request);
  }
  if (!lookup.found.empty()) return TargetCommand{lookup.found, request.words};
  if (!lookup.not_executable.empty()) return not_found(lookup.not_executable, 126, "permission denied");
  struct stat status {};
  if (word.find('/') != std::string::npos && ::stat(word.c_str(), &status) == 0)
    return not_found(word, 126, S_ISDIR(status.st_mode) ? "is a directory" : "not a program");
  const bool is_path = word.find('/') != std::string::npos || word.ends_with(".py");
  return not_found(word, 127, is_path ? "no such file" : "command not found");
}

}  // namespace segwhy
