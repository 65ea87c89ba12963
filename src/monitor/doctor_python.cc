#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "elf/elf_file.h"
#include "monitor/doctor_facts.h"
#include "monitor/version_range.h"

namespace segwhy {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestExtension = std::size_t{64} << 20;  // bigger ones are not searched for markers

// Where this interpreter is and imports from, as one line of JSON.
constexpr char kQuestion[] = R"(
import json, os, platform, site, sys, sysconfig
paths = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
if site.ENABLE_USER_SITE: paths.append(site.getusersitepackages())
paths += getattr(site, "getsitepackages", list)()
print(json.dumps({"version": platform.python_version(), "executable": os.path.abspath(sys.executable),
                  "libc": " ".join(platform.libc_ver()).strip(), "paths": sorted({os.path.realpath(p) for p in paths if p})}))
)";

// Standard output of `python -c SCRIPT`; an error when it cannot be run or fails.
Result<std::string> ask(const std::string& python, const char* script) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno("make a pipe", errno);
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
  std::string words[] = {python, "-c", script};
  char* argv[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  pid_t child = 0;
  const int refused = posix_spawnp(&child, python.c_str(), &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (refused != 0) return fail_errno("run " + python, refused);
  write_end.reset();
  std::string out;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(read_end.get(), buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<std::size_t>(n));
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return fail(python + " -c ... failed");
  return out;
}

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// "Flask_SQLAlchemy" and "flask-sqlalchemy" are one project (PEP 503).
std::string normalised(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool separator = c == '-' || c == '_' || c == '.';
    if (separator && !out.empty() && out.back() == '-') continue;
    out += separator ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

// "numpy (<2,>=1.17)", "numpy<2,>=1.17": name and specifier; nothing when it has a condition or extras.
std::optional<Requirement> parse_requirement(std::string_view text) {
  if (text.find(';') != std::string_view::npos || text.find('[') != std::string_view::npos) return std::nullopt;
  const auto end = std::min(text.find_first_of(" (<>=!~"), text.size());
  std::string specifier;
  for (const char c : text.substr(end)) {
    if (c != ' ' && c != '(' && c != ')') specifier += c;
  }
  return Requirement{"", normalised(text.substr(0, end)), specifier};
}

// Built against NumPy 1: such modules import the C API from the place that NumPy 2 only keeps as a warning.
bool is_built_for_numpy_1(const fs::path& path) {
  const auto bytes = read_file(path, kLargestExtension);
  return bytes && bytes->find("numpy.core._multiarray_umath") != std::string::npos &&
         bytes->find("numpy._core._multiarray_umath") == std::string::npos;
}

bool has_numpy_2(const PythonFacts& facts) {
  const auto numpy = facts.distributions.find("numpy");
  return numpy != facts.distributions.end() && version_in_range(numpy->second, ">=2") == true;
}

bool is_extension_module(const std::string& name) {
  return name.find(".cpython-") != std::string::npos || name.find(".abi3.so") != std::string::npos;
}

void add_metadata(const fs::path& packages, PythonFacts& facts) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(packages, error)) {
    if (entry.path().extension() != ".dist-info") continue;
    if (const auto text = read_file(entry.path() / "METADATA")) add_distribution(*text, facts);
  }
}

void add_libraries(const fs::path& packages, PythonFacts& facts) {
  const bool numpy_2 = has_numpy_2(facts);
  std::error_code error;
  const auto options = fs::directory_options::skip_permission_denied;
  for (auto entry = fs::recursive_directory_iterator(packages, options, error); !error && entry != fs::end(entry);
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (name.find(".so") == std::string::npos || !entry->is_regular_file(error)) continue;
    const std::string relative = entry->path().lexically_relative(packages);
    if (const std::string kind = openmp_kind(name); !kind.empty()) facts.openmp.push_back({relative, kind});
    const bool others = numpy_2 && is_extension_module(name) && !starts_with(relative, "numpy/");
    if (others && is_built_for_numpy_1(entry->path())) facts.built_for_numpy_1.push_back(relative);
  }
}

void describe_executable(PythonFacts& facts) {
  const auto elf = ElfFile::open(facts.executable);
  if (!elf) return;
  const auto& segments = elf->segments();
  const auto loader =
      std::find_if(segments.begin(), segments.end(), [](const Elf64_Phdr& s) { return s.p_type == PT_INTERP; });
  facts.is_static = loader == segments.end();
  if (loader == segments.end()) return;
  const auto bytes = elf->bytes(loader->p_offset, loader->p_filesz, 4096);
  const std::string path(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (path.find("ld-musl") != std::string::npos) facts.libc = "musl";
}

PythonFacts from_answer(const std::string& answer) {
  PythonFacts facts;
  const auto json = nlohmann::json::parse(answer, nullptr, false);
  if (!json.is_object()) {
    facts.error = "its answer could not be read";
    return facts;
  }
  facts.version = json.value("version", "");
  facts.executable = json.value("executable", "");
  facts.libc = json.value("libc", "");
  describe_executable(facts);
  const auto paths = json.value("paths", std::vector<std::string>());
  for (const std::string& path : paths) add_metadata(path, facts);
  for (const std::string& path : paths) add_libraries(path, facts);
  return facts;
}

}  // namespace

void add_distribution(const std::string& metadata, PythonFacts& into) {
  std::string name, version;
  std::vector<Requirement> needs;
  for (const std::string_view line : split(metadata, '\n')) {
    if (trim(line).empty()) break;  // the description follows
    const auto colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, colon), value = trim(line.substr(colon + 2));
    if (key == "Name") name = normalised(value);
    if (key == "Version") version = value;
    if (key == "Requires-Dist") {
      if (auto requirement = parse_requirement(value)) needs.push_back(std::move(*requirement));
    }
  }
  if (name.empty() || version.empty()) return;
  into.distributions[name] = version;
  for (Requirement& requirement : needs) {
    requirement.of = name;
    into.requirements.push_back(std::move(requirement));
  }
}

std::string openmp_kind(const std::string& file_name) {
  for (const std::string kind : {"libgomp", "libiomp5", "libomp"}) {
    if (!starts_with(file_name, kind) || file_name.size() == kind.size()) continue;
    const char next = file_name[kind.size()];
    if (next == '.' || next == '-') return kind;
  }
  return "";
}

std::optional<PythonFacts> collect_python_facts(const std::string& python) {
  const std::string command = python.empty() ? "python3" : python;
  const auto answer = ask(command, kQuestion);
  if (answer) return from_answer(*answer);
  if (python.empty()) return std::nullopt;  // not asked for and not there
  PythonFacts facts;
  facts.executable = python;
  facts.error = answer.error().what;
  return facts;
}

}  // namespace segwhy
