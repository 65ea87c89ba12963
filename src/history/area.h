// Area: one process's part of the flight recorder (evidence/wire/recorder.h), read after the fact and without trust.
//
// The process wrote it, and may have scribbled over it: the header's own numbers are checked once, every read is
// checked against its section, and a value is only as good as its reader's further checks. Does not own the file.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/memory_reader.h"
#include "base/result.h"
#include "evidence/wire/recorder.h"

namespace segwhy::history {

class Area {
 public:
  // `file`: the session's memfd, addressed by offset. An error when the area is not that of the given life of the
  // process record, or was never begun.
  static Result<Area> open(MemoryReader& file, std::uint32_t record, std::uint32_t generation);

  [[nodiscard]] const wire::AreaHeader& header() const { return header_; }

  // Bytes of a section; 0 when there is none.
  [[nodiscard]] std::uint64_t size(wire::AreaSection section) const;

  template <class T>
  [[nodiscard]] std::optional<T> at(wire::AreaSection section, std::uint64_t offset) const {
    if (!holds(section, offset, sizeof(T))) return std::nullopt;
    return file_->value<T>(place(section) + offset);
  }
  // All of `out`, or false.
  [[nodiscard]] bool read(wire::AreaSection section, std::uint64_t offset, std::span<std::byte> out) const {
    return holds(section, offset, out.size()) && file_->read_exact(place(section) + offset, out);
  }
  [[nodiscard]] std::optional<std::vector<std::byte>> bytes(wire::AreaSection section, std::uint64_t offset,
                                                            std::uint64_t count) const;

 private:
  Area(MemoryReader& file, TargetAddr start, const wire::AreaHeader& header)
      : file_(&file), start_(start), header_(header) {}

  [[nodiscard]] bool holds(wire::AreaSection section, std::uint64_t offset, std::uint64_t count) const;
  [[nodiscard]] TargetAddr place(wire::AreaSection section) const { return start_ + header_.sections[section].offset; }

  MemoryReader* file_;
  TargetAddr start_;
  wire::AreaHeader header_;
};

// How long before `now` the process's `ticks` were, in seconds. `now`: the present in both clocks, taken by the reader
// on the same machine. nullopt for moments that make no sense.
[[nodiscard]] std::optional<double> age_s(const wire::AreaHeader& header, const wire::ClockPair& now,
                                          std::uint64_t ticks);

}  // namespace segwhy::history
