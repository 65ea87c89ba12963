#include "monitor/recorder.h"

#include "base/clock.h"
#include "evidence/wire/blocks.h"

namespace segwhy {

ProcessRecorder::ProcessRecorder(const Session& session, const TrackedProcess& process)
    : file_(session.fd()), slot_(process.slot), generation_(process.record.generation) {}

history::Query ProcessRecorder::query(std::uint32_t access_finding) {
  history::Query query;
  query.file = &file_;
  query.record = slot_;
  query.generation = generation_;
  query.now = {__builtin_ia32_rdtsc(), monotonic_ns()};
  const bool of_heap = (access_finding & wire::kHeapFinding) != 0;
  if (access_finding != 0 && !of_heap) query.access_finding = access_finding - 1;
  return query;
}

bool ProcessRecorder::has_findings() {
  return history::has_findings(query());
}

}  // namespace segwhy
