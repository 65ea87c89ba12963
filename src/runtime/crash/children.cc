#include "runtime/crash/children.h"

#include <sys/wait.h>

#include "runtime/crash/process.h"
#include "runtime/pal/atomic.h"

namespace segwhy::runtime {

void note_child_status(pid_t pid, int status) {
  wire::ProcessRecord* const record = process_record();
  if (record == nullptr || pid <= 0 || (!WIFEXITED(status) && !WIFSIGNALED(status))) return;
  wire::ChildStatus& slot = record->children[pal::fetch_add(record->next_child, 1) % wire::kMaxChildStatuses];
  slot.status = status;
  pal::store(slot.pid, pid);
  ring_doorbell();
}

void note_child_info(const siginfo_t& info) {
  constexpr int kCoreFlag = 0x80;
  int status = info.si_status;
  if (info.si_code == CLD_EXITED) {
    status = (info.si_status & 0xff) << 8;
  } else if (info.si_code == CLD_DUMPED) {
    status |= kCoreFlag;
  } else if (info.si_code != CLD_KILLED) {
    return;
  }
  note_child_status(info.si_pid, status);
}

}  // namespace segwhy::runtime
