#include "runtime/crash/request_service.h"

#include "runtime/crash/thread_contexts.h"
#include "runtime/pal/guarded_copy.h"

namespace segwhy::runtime {
namespace {

void read_memory(wire::CrashRecord& record) {
  const uint32_t size = record.service_size < wire::kServiceBytes ? record.service_size : wire::kServiceBytes;
  const auto* const source = reinterpret_cast<const void*>(record.service_address);
  record.service_copied = static_cast<uint32_t>(pal::guarded_copy(record.service, source, size));
}

}  // namespace

void serve_request(wire::CrashRecord& record, uint32_t request) {
  if (request == wire::kRequestReadMemory) read_memory(record);
  if (request == wire::kRequestThreadContexts) collect_thread_contexts(record);
}

}  // namespace segwhy::runtime
