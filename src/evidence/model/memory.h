// Where the memory went, as a Case holds it (case.h says how the fields are listed): the series over the run, the call
// sites that hold memory with their own series, what grew, and the limits. Filled by memory/ from the flight recorder
// and by the monitor from /proc; nothing here is a judgement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evidence/model/frames.h"
#include "evidence/model/holders.h"
#include "evidence/model/retracing.h"

namespace segwhy {

// One look at the process and its tree.
struct MemorySample {
  double at_s = 0;                                       // since the start of the run
  std::uint64_t rss = 0;                                 // bytes, of the process that died
  std::uint64_t tree_rss = 0;                            // of the whole process tree
  std::optional<std::uint64_t> cgroup;                   // memory.current
  std::optional<std::uint64_t> anonymous, file, shared;  // parts of rss
  std::optional<std::uint64_t> pss;                      // of the process; read seldom
  std::optional<double> pressure;                        // PSI of the cgroup or machine: memory, some, avg10, percent

  template <class V>
  void fields(V& v) {
    v("at_s", at_s), v("rss", rss), v("tree_rss", tree_rss), v("cgroup", cgroup), v("anonymous", anonymous);
    v("file", file), v("shared", shared), v("pss", pss), v("pressure", pressure);
  }
};

// What one call site held at one moment.
struct SitePoint {
  double at_s = 0;
  std::uint64_t bytes = 0;        // live
  std::uint64_t allocations = 0;  // since the start

  template <class V>
  void fields(V& v) {
    v("at_s", at_s), v("bytes", bytes), v("allocations", allocations);
  }
};

// A call site: all allocations that one line of the user's asked for, directly or through libraries; without such a
// line, one native function. Sizes are as requested. Small blocks are sampled: their numbers are estimates.
struct MemorySite {
  std::vector<PythonFrame> python;  // of the stack that holds most of it, innermost first
  std::vector<NativeFrame> native;  // the same
  std::string file;                 // of the line that stands for the site; empty: none is known
  std::optional<int> line;
  std::string function;
  std::string source;                               // text of the line
  std::string op;                                   // framework's op that made the blocks, where it is known
  std::string kind;                                 // "tensor", "array", "mapping" (of anonymous memory) or "other"
  bool importing = false;                           // allocated while a module was being imported
  std::uint32_t stacks = 0;                         // different ones that were added up
  std::uint64_t live_bytes = 0, live_blocks = 0;    // at the end
  std::uint64_t total_bytes = 0, total_blocks = 0;  // since the start
  std::uint64_t peak_bytes = 0;                     // when the process held most
  std::uint64_t largest = 0;                        // one block, bytes
  std::optional<double> latest_age_s;               // of its last large block, before the end
  std::vector<SitePoint> series;                    // ascending
  std::vector<Holder> holders;                      // who keeps the blocks

  template <class V>
  void fields(V& v) {
    v("python", python), v("native", native), v("file", file), v("line", line), v("function", function);
    v("source", source), v("op", op), v("kind", kind), v("importing", importing), v("stacks", stacks);
    v("live_bytes", live_bytes), v("live_blocks", live_blocks), v("total_bytes", total_bytes);
    v("total_blocks", total_blocks), v("peak_bytes", peak_bytes), v("largest", largest);
    v("latest_age_s", latest_age_s), v("series", series), v("holders", holders);
  }
};

// A request for memory that was refused.
struct RefusedRequest {
  std::uint64_t bytes = 0;  // the last one
  std::uint64_t count = 0;  // of all
  std::optional<double> age_s;
  std::vector<PythonFrame> python;
  std::vector<NativeFrame> native;

  template <class V>
  void fields(V& v) {
    v("bytes", bytes), v("count", count), v("age_s", age_s), v("python", python), v("native", native);
  }
};

// Something that happened to the memory of the process or its cgroup.
struct MemoryEvent {
  double at_s = 0;
  std::string kind;  // "oom-kill", "limit-hit" (the cgroup reclaimed at its limit), "child-ended"
  std::string text;

  template <class V>
  void fields(V& v) {
    v("at_s", at_s), v("kind", kind), v("text", text);
  }
};

struct MemoryUse {
  bool asked = false;                     // by `segwhy mem`: growth is worth a verdict of its own
  std::uint64_t exact_from = 0;           // blocks of this size and more are counted one by one, bytes
  std::vector<MemorySite> sites;          // the largest, most live bytes at the peak first
  std::uint64_t live_bytes = 0;           // of all sites, at the end
  std::uint64_t live_blocks = 0;          //
  std::uint64_t peak_bytes = 0;           // of all sites, when the process held most
  std::optional<double> peak_at_s;        // since the start of the run
  std::uint64_t unknown_bytes = 0;        // live, of stacks that were not kept
  std::optional<std::uint64_t> lost;      // blocks that could not be counted
  std::optional<RefusedRequest> refused;  //
  std::vector<MemoryEvent> events;        // ascending
  std::vector<TracedFunction> retracing;  // functions that were traced more than once, the most often first
  bool inherited = false;                 // a forked child: what it got from its parent is not in the sites

  template <class V>
  void fields(V& v) {
    v("asked", asked), v("exact_from", exact_from), v("sites", sites), v("live_bytes", live_bytes);
    v("live_blocks", live_blocks), v("peak_bytes", peak_bytes), v("peak_at_s", peak_at_s);
    v("unknown_bytes", unknown_bytes), v("lost", lost), v("refused", refused), v("events", events);
    v("retracing", retracing), v("inherited", inherited);
  }
};

}  // namespace segwhy
