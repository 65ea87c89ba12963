#include "monitor/area_file.h"

#include <fcntl.h>
#include <unistd.h>

namespace segwhy {

std::optional<wire::AreaHeader> read_area_header(const Session& session, std::uint32_t slot) {
  if (session.memory().areas_offset == 0 || slot >= wire::kMaxProcesses) return std::nullopt;
  wire::AreaHeader header;
  const ssize_t got = ::pread(session.fd(), &header, sizeof header, static_cast<off_t>(wire::area_offset(slot)));
  if (got != static_cast<ssize_t>(sizeof header) || header.magic != wire::kAreaMagic) return std::nullopt;
  if (header.version != wire::kRecorderVersion) return std::nullopt;
  return header;
}

void discard_area(const Session& session, std::uint32_t slot) {
  if (session.memory().areas_offset == 0) return;
  ::fallocate(session.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(wire::area_offset(slot)),
              static_cast<off_t>(wire::kAreaBytes));
}

}  // namespace segwhy
