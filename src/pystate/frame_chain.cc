#include "pystate/frame_chain.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>

namespace segwhy::pystate {
namespace {

constexpr std::int64_t kCodeUnit = 2;
// enum _frameowner, 3.12 and later: this and the values above it are frames that the evaluation loop puts between its
// caller's frame and the ones it runs (owned by the C stack in 3.12 and 3.13, by the interpreter in 3.14).
constexpr std::uint8_t kFirstShimOwner = 3;
constexpr std::uint8_t kOwnedByGenerator = 1;
constexpr int kFirstMinorWithShims = 12;
constexpr std::uint8_t kLastOwner = 4;
// 3.14: a stack reference carries flags in its low bits, which no object's address has.
constexpr std::uint64_t kTagBits = 7;

// One frame as read: what it runs and where it leads.
struct Link {
  RawFrame frame;
  TargetAddr back;
  bool shim = false;        // runs no Python code: marks the frame before it as an entry
  bool incomplete = false;  // still being set up, or a trampoline of the interpreter's own
};

class FrameReader {
 public:
  FrameReader(ObjectReader& objects, CodeObjects& codes) : objects_(objects), codes_(codes) {
    for (const Field f :
         {Field::kFrameBack, Field::kFrameCode, Field::kFrameInstruction, Field::kFrameIsEntry, Field::kFrameOwner})
      if (layout().has(f)) size_ = std::max(size_, layout()[f] + sizeof(std::uint64_t));
    size_ = std::min<std::uint64_t>(size_, bytes_.size());
  }

  // Nothing when there is no frame at `frame`.
  std::optional<Link> read(TargetAddr frame) {
    if (!plausible_object(frame) || !objects_.memory().read_exact(frame, std::span(bytes_).first(size_)))
      return std::nullopt;
    return layout().minor <= 10 ? read_frame_object(frame) : read_interpreter_frame();
  }

 private:
  [[nodiscard]] const Layout& layout() const { return objects_.layout(); }

  template <class T>
  [[nodiscard]] T member(Field f) const {
    T out{};
    const std::uint64_t at = layout()[f];
    if (at + sizeof(T) <= bytes_.size()) std::memcpy(&out, bytes_.data() + at, sizeof(T));
    return out;
  }

  // Up to 3.10 every frame is an object, with a native evaluation frame of its own.
  std::optional<Link> read_frame_object(TargetAddr frame) {
    if (objects_.type_name(frame) != "frame") return std::nullopt;
    Link link;
    link.frame.code = TargetAddr(member<std::uint64_t>(Field::kFrameCode));
    if (!codes_.is_code(link.frame.code)) return std::nullopt;
    const std::int64_t last = member<std::int32_t>(Field::kFrameInstruction);
    // f_lasti counts bytes up to 3.9 and code units in 3.10.
    link.frame.instruction = layout().minor == 10 && last > 0 ? last * kCodeUnit : last;
    link.frame.entry = true;
    link.back = TargetAddr(member<std::uint64_t>(Field::kFrameBack));
    return link;
  }

  std::optional<Link> read_interpreter_frame() {
    const auto owner = member<std::uint8_t>(Field::kFrameOwner);
    if (owner > kLastOwner) return std::nullopt;
    Link link;
    link.back = TargetAddr(member<std::uint64_t>(Field::kFrameBack));
    link.shim = layout().minor >= kFirstMinorWithShims && owner >= kFirstShimOwner;
    if (link.shim) return link;
    link.frame.code = TargetAddr(member<std::uint64_t>(Field::kFrameCode) & ~kTagBits);
    if (!codes_.is_code(link.frame.code)) return std::nullopt;
    const TargetAddr first = link.frame.code + layout()[Field::kCodeInstructions];
    link.frame.instruction =
        static_cast<std::int64_t>(TargetAddr(member<std::uint64_t>(Field::kFrameInstruction)) - first);
    if (layout().has(Field::kFrameIsEntry)) link.frame.entry = member<std::uint8_t>(Field::kFrameIsEntry) != 0;
    link.incomplete = owner != kOwnedByGenerator && link.frame.instruction < codes_.first_traceable(link.frame.code);
    return link;
  }

  ObjectReader& objects_;
  CodeObjects& codes_;
  std::array<std::byte, 256> bytes_{};  // of the frame last read; no member used lies beyond
  std::uint64_t size_ = 0;
};

// The first and the last frames of a sequence whose length is not known ahead.
class FrameKeeper {
 public:
  explicit FrameKeeper(const FrameLimits& limits) : limits_(limits) {}

  void add(const RawFrame& frame) {
    ++depth_;
    if (innermost_.size() < limits_.innermost) return innermost_.push_back(frame);
    if (limits_.outermost == 0) return;
    if (ring_.size() < limits_.outermost) return ring_.push_back(frame);
    ring_[oldest_] = frame;
    oldest_ = (oldest_ + 1) % ring_.size();
  }

  // `outermost_known`: the walk reached the chain's end, so what came last is the outermost.
  FrameChain finish(bool outermost_known) {
    FrameChain out;
    out.depth = depth_;
    out.innermost = std::move(innermost_);
    if (!outermost_known) return out;
    std::rotate(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(oldest_), ring_.end());
    out.outermost = std::move(ring_);
    return out;
  }

  [[nodiscard]] std::uint64_t depth() const { return depth_; }

 private:
  FrameLimits limits_;
  std::vector<RawFrame> innermost_, ring_;
  std::size_t oldest_ = 0;
  std::uint64_t depth_ = 0;
};

// Brent's algorithm: notices a chain that leads back into itself after at most three times its length.
class LoopDetector {
 public:
  [[nodiscard]] bool seen(TargetAddr at) {
    if (at == mark_) return true;
    if (++steps_ == limit_) {
      mark_ = at;
      steps_ = 0;
      limit_ *= 2;
    }
    return false;
  }

 private:
  TargetAddr mark_;
  std::uint64_t steps_ = 0, limit_ = 1;
};

class Walk {
 public:
  Walk(ObjectReader& objects, CodeObjects& codes, const FrameLimits& limits)
      : reader_(objects, codes), codes_(codes), keeper_(limits), count_up_to_(limits.count_up_to) {}

  FrameChain run(TargetAddr first) {
    std::string problem;
    for (TargetAddr at = first; !at.is_null();) {
      auto link = reader_.read(at);
      if (!link) {
        problem = "the chain of Python frames is broken after " + std::to_string(seen()) + " frames";
        break;
      }
      if (loops_.seen(at)) {
        problem = "the chain of Python frames leads back into itself";
        break;
      }
      if (seen() >= count_up_to_) {
        problem = "there are more than " + std::to_string(seen()) + " Python frames";
        break;
      }
      link->frame.address = at;
      take(*link);
      at = link->back;
    }
    // What called the outermost frame, or would have led on, was native code.
    if (pending_) {
      pending_->entry = true;
      keeper_.add(*pending_);
    }
    FrameChain chain = keeper_.finish(problem.empty());
    chain.problem = std::move(problem);
    return chain;
  }

 private:
  [[nodiscard]] std::uint64_t seen() const { return keeper_.depth() + (pending_ ? 1 : 0); }

  // Whether a frame is an entry is known only once the one it leads to was seen.
  void take(const Link& link) {
    if (link.shim || !shown(link)) {
      if (pending_ && (link.shim || link.frame.entry)) pending_->entry = true;
      return;
    }
    if (pending_) keeper_.add(*pending_);
    pending_ = link.frame;
  }

  // A frame that is being set up can only be the innermost one, and is of interest there: its function was about to
  // begin. The interpreter's trampolines look the same but have no line.
  bool shown(const Link& link) {
    if (!link.incomplete) return true;
    const bool innermost = !pending_ && keeper_.depth() == 0;
    return innermost && codes_.location(link.frame.code, link.frame.instruction).line.has_value();
  }

  FrameReader reader_;
  CodeObjects& codes_;
  FrameKeeper keeper_;
  LoopDetector loops_;
  std::optional<RawFrame> pending_;
  std::uint64_t count_up_to_;
};

}  // namespace

FrameChain walk_frames(ObjectReader& objects, CodeObjects& codes, TargetAddr first, const FrameLimits& limits) {
  return Walk(objects, codes, limits).run(first);
}

}  // namespace segwhy::pystate
