// KeptFrames: the innermost and outermost frames of a walk of unknown length, in bounded memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "unwind/unwind.h"

namespace segwhy {

class KeptFrames {
 public:
  explicit KeptFrames(const UnwindLimits& limits) : limits_(limits) {}

  void add(const RawFrame& frame) {
    ++depth_;
    if (first_.size() < limits_.innermost) {
      first_.push_back(frame);
    } else if (limits_.outermost == 0) {
      return;
    } else if (last_.size() < limits_.outermost) {
      last_.push_back(frame);
    } else {
      last_[oldest_] = frame;
      oldest_ = (oldest_ + 1) % last_.size();
    }
  }
  [[nodiscard]] std::uint64_t depth() const { return depth_; }

  // `keep_outermost` is false when the walk was cut off: its last frames are then any frames.
  [[nodiscard]] RawStack take(bool keep_outermost) {
    RawStack out;
    out.depth = depth_;
    out.frames = std::move(first_);
    const bool all = depth_ == out.frames.size() + last_.size();
    out.outermost_begin = out.frames.size();
    if (keep_outermost || all) {
      std::rotate(last_.begin(), last_.begin() + static_cast<std::ptrdiff_t>(oldest_), last_.end());
      out.frames.insert(out.frames.end(), last_.begin(), last_.end());
    }
    if (all) out.outermost_begin = out.frames.size();
    return out;
  }

 private:
  UnwindLimits limits_;
  std::uint64_t depth_ = 0;
  std::vector<RawFrame> first_, last_;
  std::size_t oldest_ = 0;  // in last_, once it is full
};

}  // namespace segwhy
