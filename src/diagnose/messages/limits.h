// Messages about a limit that was hit: memory that could not be had, threads that could not be made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "diagnose/messages/lines.h"

namespace segwhy::text {

struct AllocationFailure {
  std::optional<std::uint64_t> bytes;  // asked for
  std::string shape, dtype;            // "[2000000,3000000]", "float32"
  std::string device;                  // "GPU" when it is not the machine's memory
  std::string text;                    // the line
};

// What `line` says about an allocation that failed; nullopt when it is about something else.
[[nodiscard]] std::optional<AllocationFailure> read_allocation_failure(std::string_view line);
[[nodiscard]] std::optional<AllocationFailure> find_allocation_failure(const Lines& lines);

// "24.0 TiB", "20.00 MiB", "1536 bytes" and the like.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

struct ThreadFailure {
  std::string pool;  // which threads: "tf_Compute", "OpenBLAS"; empty when not named
  std::string text;
};

[[nodiscard]] std::optional<ThreadFailure> read_thread_failure(std::string_view line);
[[nodiscard]] std::optional<ThreadFailure> find_thread_failure(const Lines& lines);

}  // namespace segwhy::text
