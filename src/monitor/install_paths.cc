#include "monitor/install_paths.h"

#include <sys/auxv.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <memory>

namespace segwhy {
namespace {

std::string real_path(const char* path) {
  const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path, nullptr), &std::free);
  return resolved ? std::string(resolved.get()) : std::string();
}

// The path given to execve, from the auxiliary vector: needs no /proc.
std::string executed_path() {
  const auto address = ::getauxval(AT_EXECFN);
  // The kernel's word for a pointer.
  return address == 0 ? std::string() : real_path(reinterpret_cast<const char*>(address));  // NOLINT
}

}  // namespace

std::string own_directory() {
  std::string self = real_path("/proc/self/exe");
  if (self.empty()) self = executed_path();
  const std::size_t slash = self.rfind('/');
  return slash == std::string::npos ? std::string() : self.substr(0, slash);
}

std::vector<std::string> runtime_candidates(const std::string& directory) {
  return {
      directory + "/../lib/segwhy/libsegwhy.so",  // installed: bin/segwhy
      directory + "/libsegwhy.so",                // beside it
      directory + "/../runtime/libsegwhy.so",     // build tree: src/monitor/segwhy
  };
}

std::optional<std::string> find_runtime() {
  if (const char* chosen = ::getenv("SEGWHY_RUNTIME"); chosen != nullptr && *chosen != '\0') {
    std::string path = real_path(chosen);
    if (path.empty()) return std::nullopt;
    return path;
  }
  for (const std::string& candidate : runtime_candidates(own_directory()))
    if (std::string path = real_path(candidate.c_str()); !path.empty()) return path;
  return std::nullopt;
}

}  // namespace segwhy
