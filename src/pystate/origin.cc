#include "pystate/origin.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/text.h"

namespace segwhy::pystate {
namespace {

namespace fs = std::filesystem;

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::string parent(std::string_view path) {
  const auto slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? std::string_view() : path.substr(0, slash));
}

void add_once(std::vector<std::string>& to, std::string path) {
  if (std::find(to.begin(), to.end(), path) == to.end()) to.push_back(std::move(path));
}

// Where an interpreter in `folder` or its libpython would have its library.
void add_library_folders(std::string folder, const std::string& version, std::vector<std::string>& to) {
  constexpr int kLevels = 4;  // prefix/lib/x86_64-linux-gnu/libpython3.8.so is three below the prefix
  for (int level = 0; level < kLevels && !folder.empty(); ++level, folder = parent(folder)) {
    for (const char* lib : {"/lib", "/lib64", ""}) {
      add_once(to, folder + lib + "/python" + version);
      std::string digits = version;
      std::erase(digits, '.');
      add_once(to, folder + lib + "/python" + digits + ".zip");
    }
  }
}

// The folder of the interpreter that a virtual environment was made from, when its program was copied there.
std::string home_of_environment(const std::string& root, const std::string& program_folder) {
  const auto text = read_file(root + parent(program_folder) + "/pyvenv.cfg", 1 << 16);
  if (!text) return {};
  for (const std::string_view line : split(*text, '\n')) {
    const auto equals = line.find('=');
    if (equals != std::string_view::npos && trim(line.substr(0, equals)) == "home")
      return std::string(trim(line.substr(equals + 1)));
  }
  return {};
}

bool is_stdlib(const std::string& root, const std::string& folder) {
  if (folder.ends_with(".zip")) return exists(root + folder);
  return exists(root + folder + "/os.py") || exists(root + folder + "/os.pyc");
}

// A folder that pip installs into has metadata of what it holds.
bool holds_packages(const std::string& folder) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error) return true;  // not to be seen from here: then its name decides
  for (; entries != fs::directory_iterator(); entries.increment(error)) {
    if (error) return true;
    const std::string name = entries->path().filename();
    if (name.ends_with(".dist-info") || name.ends_with(".egg-info") || name.ends_with(".egg-link")) return true;
  }
  return false;
}

bool names_archive(std::string_view component) {
  return (component.ends_with(".egg") || component.ends_with(".whl")) && component.size() > 4;
}

bool in_package_folder(std::string_view file, const std::string& root) {
  const auto components = split(file, '/');
  std::size_t length = 0;  // of the path up to and with component i
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    length += components[i].size() + (i == 0 ? 0 : 1);
    if (names_archive(components[i])) return true;
    if (components[i] != "site-packages" && components[i] != "dist-packages") continue;
    const bool in_installation = i > 0 && components[i - 1].starts_with("python");
    if (in_installation || holds_packages(root + std::string(file.substr(0, length)))) return true;
  }
  return false;
}

std::string origin_of_pseudo_file(std::string_view name) {
  if (name.starts_with("<frozen ")) return kOriginFrozen;
  // Text that the user typed or handed to exec, python -c and the like. Other names are given by packages that
  // generate code.
  for (const std::string_view typed : {"<string>", "<stdin>", "<input>", "<console>"})
    if (name == typed) return kOriginUser;
  for (const std::string_view typed : {"<ipython-input-", "<doctest "})
    if (name.starts_with(typed)) return kOriginUser;
  return {};
}

}  // namespace

std::vector<std::string> find_stdlib(const Snapshot& snapshot, const std::string& module, int minor) {
  const std::string version = "3." + std::to_string(minor);
  std::vector<std::string> folders;
  for (const Mapping& m : snapshot.mappings) {
    const auto at = m.path.find("/python" + version + "/lib-dynload/");
    if (at != std::string::npos) add_once(folders, m.path.substr(0, m.path.find("/lib-dynload/", at)));
  }
  const std::string program_folder = parent(snapshot.executable);
  add_library_folders(parent(module), version, folders);
  add_library_folders(program_folder, version, folders);
  if (const std::string home = home_of_environment(snapshot.root, program_folder); !home.empty())
    add_library_folders(home, version, folders);
  std::vector<std::string> found;
  std::copy_if(folders.begin(), folders.end(), std::back_inserter(found),
               [&](const std::string& folder) { return is_stdlib(snapshot.root, folder); });
  // On another machine, with a core file, none is there: then the usual places have to do.
  return found.empty() ? folders : found;
}

std::string origin_of(std::string_view file, const std::vector<std::string>& stdlib, const std::string& root) {
  if (file.empty()) return {};
  if (file.front() == '<' && file.back() == '>') return origin_of_pseudo_file(file);
  const std::string path = fs::path(file).lexically_normal();
  if (in_package_folder(path, root)) return kOriginPackage;
  for (const std::string& folder : stdlib)
    if (path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/') return kOriginStdlib;
  return kOriginUser;
}

}  // namespace segwhy::pystate
