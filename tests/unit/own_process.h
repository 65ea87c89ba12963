// The test program itself as a snapshot: real mappings, real memory.
#pragma once

#include <sys/uio.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "base/memory_reader.h"
#include "evidence/model/snapshot.h"

namespace segwhy::test {

class OwnMemory final : public MemoryReader {
 public:
  std::size_t read(TargetAddr from, std::span<std::byte> out) override {
    const iovec local{out.data(), out.size()};
    const iovec remote{reinterpret_cast<void*>(from.value()), out.size()};  // NOLINT(performance-no-int-to-ptr)
    const ssize_t got = ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0);
    return got < 0 ? 0 : static_cast<std::size_t>(got);
  }
};

inline Mapping parse_mapping(const std::string& line) {
  std::istringstream in(line);
  Mapping m;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  char dash = 0;
  std::string permissions;
  std::string device;
  in >> std::hex >> start >> dash >> end >> permissions >> m.file_offset >> device >> std::dec >> m.inode >> std::ws;
  std::getline(in, m.path);
  m.start = TargetAddr(start);
  m.end = TargetAddr(end);
  m.readable = permissions.at(0) == 'r';
  m.executable = permissions.at(2) == 'x';
  return m;
}

struct OwnProcess {
  OwnProcess() {
    snapshot.pid = ::getpid();
    snapshot.memory = &memory;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) snapshot.mappings.push_back(parse_mapping(line));
  }
  OwnMemory memory;
  Snapshot snapshot;
};

}  // namespace segwhy::test
