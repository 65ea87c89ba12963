#include "diagnose/messages/limits.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace segwhy::text {
namespace {

std::optional<std::string> bracketed(std::string_view text, std::string_view marker, char open, char close) {
  const auto rest = after(text, marker);
  if (!rest || rest->empty() || rest->front() != open) return std::nullopt;
  const auto end = rest->find(close);
  if (end == std::string_view::npos) return std::nullopt;
  return std::string(rest->substr(0, end + 1));
}

std::string word(std::string_view text) {
  return std::string(text.substr(0, text.find_first_of(" ,;:\n")));
}

// "Unable to allocate 24.0 TiB for an array with shape (2000000, 3000000) and data type float32"
std::optional<AllocationFailure> numpy(std::string_view line) {
  const auto rest = after(line, "Unable to allocate ");
  if (!rest || !contains(*rest, "array with shape")) return std::nullopt;
  AllocationFailure found;
  found.bytes = parse_size(*rest);
  found.shape = bracketed(*rest, "with shape ", '(', ')').value_or("");
  if (const auto dtype = after(*rest, "data type ")) found.dtype = word(*dtype);
  return found;
}

// "OOM when allocating tensor with shape[2,3] and type float on .../device:CPU:0 by allocator cpu"
std::optional<AllocationFailure> tensor(std::string_view line) {
  const auto rest = after(line, "OOM when allocating tensor with shape");
  if (!rest) return std::nullopt;
  AllocationFailure found;
  found.shape = bracketed(line, "tensor with shape", '[', ']').value_or("");
  if (const auto dtype = after(*rest, "and type ")) found.dtype = word(*dtype);
  if (contains(*rest, "device:GPU")) found.device = "GPU";
  return found;
}

// A number of bytes behind one of the phrases allocators use.
std::optional<AllocationFailure> sized(std::string_view line) {
  struct Phrase {
    std::string_view marker, unless_without;
    const char* device;
  };
  static constexpr std::array<Phrase, 9> kPhrases = {{
      {"you tried to allocate ", "", ""},
      {"CUDA out of memory. Tried to allocate ", "", "GPU"},
      {"memory allocation of ", "failed", ""},
      {"malloc of size ", "failed", ""},
      {"realloc of size ", "failed", ""},
      {"ailed to allocate ", "", ""},
      {"ailed to alloc ", "", ""},
      {"Out of memory allocating ", "", ""},
      {"Out of memory while trying to allocate ", "", ""},
  }};
  for (const Phrase& phrase : kPhrases) {
    const auto rest = after(line, phrase.marker);
    if (!rest || !contains(*rest, phrase.unless_without)) continue;
    const auto bytes = parse_size(*rest);
    if (!bytes) continue;
    AllocationFailure found;
    found.bytes = bytes;
    found.device = phrase.device;
    return found;
  }
  return std::nullopt;
}

std::optional<AllocationFailure> unsized(std::string_view line) {
  const bool known =
      contains_any(line, {"Cannot allocate memory", "std::bad_alloc", "std::bad_array_new_length",
                          "array is too big; `arr.size", "CUDA_ERROR_OUT_OF_MEMORY", "maximum supported dimension"});
  return known ? std::optional(AllocationFailure{}) : std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  double amount = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (error != std::errc{} || !(amount >= 0)) return std::nullopt;
  std::string_view unit = trim(text.substr(static_cast<std::size_t>(end - text.data())));
  constexpr std::string_view kPrefixes = "KMGTPE";
  double factor = 1;
  const auto prefix = unit.empty() ? std::string_view::npos : kPrefixes.find(unit.front());
  if (prefix != std::string_view::npos) {
    // "GB" is used for both; the difference does not matter to a reader of the report.
    factor = std::pow(1024.0, static_cast<double>(prefix + 1));
  }
  const double bytes = amount * factor;
  if (!(bytes < 18e18)) return std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(bytes);
}

std::optional<AllocationFailure> read_allocation_failure(std::string_view line) {
  for (const auto parser : {numpy, tensor, sized, unsized}) {
    if (auto found = parser(line)) {
      found->text = trim(line);
      return found;
    }
  }
  return std::nullopt;
}

std::optional<AllocationFailure> find_allocation_failure(const Lines& lines) {
  for (auto line = lines.rbegin(); line != lines.rend(); ++line)
    if (auto found = read_allocation_failure(*line)) return found;
  return std::nullopt;
}

std::optional<ThreadFailure> read_thread_failure(std::string_view line) {
  const bool direct = contains_any(
      line, {"can't start new thread", "pthread_create failed", "pthread_create() failed", "Thread creation failed",
             "failed to spawn thread", "failed to create new OS thread", "Unable to create thread",
             "System unable to allocate necessary resources for OMP thread", "hread constructor failed"});
  const bool refused = contains_any(line, {"Resource temporarily unavailable", "code: 11", "errno=11", "EAGAIN"});
  const bool about_threads = contains_any(line, {"pthread_create", "create thread", "thread creation", "clone("});
  if (!direct && !(refused && about_threads)) return std::nullopt;
  ThreadFailure found;
  found.text = trim(line);
  if (const auto pool = between(line, "Thread ", " creation via")) found.pool = *pool;
  if (line.starts_with("OpenBLAS ")) found.pool = "OpenBLAS";
  if (contains(line, "libgomp: ") || contains(line, "OMP: ")) found.pool = "OpenMP";
  return found;
}

std::optional<ThreadFailure> find_thread_failure(const Lines& lines) {
  for (auto line = lines.rbegin(); line != lines.rend(); ++line)
    if (auto found = read_thread_failure(*line)) return found;
  return std::nullopt;
}

}  // namespace segwhy::text
