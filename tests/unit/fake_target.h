// A hand-made process for tests: memory, mappings and one crashed thread, at any addresses.
#pragma once

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "base/memory_reader.h"
#include "evidence/model/snapshot.h"

namespace segwhy::test {

// Memory that consists of the regions put into it.
class FakeMemory final : public MemoryReader {
 public:
  // Into the region that contains it, else as a region of its own.
  void put(std::uint64_t at, std::vector<std::uint8_t> bytes) {
    for (auto& [start, region] : regions_) {
      if (at < start || at + bytes.size() > start + region.size()) continue;
      std::copy(bytes.begin(), bytes.end(), region.begin() + static_cast<std::ptrdiff_t>(at - start));
      return;
    }
    regions_[at] = std::move(bytes);
  }
  void put_word(std::uint64_t at, std::uint64_t word) {
    std::vector<std::uint8_t> bytes(sizeof word);
    std::memcpy(bytes.data(), &word, sizeof word);
    put(at, std::move(bytes));
  }

  std::size_t read(TargetAddr from, std::span<std::byte> out) override {
    std::size_t done = 0;
    while (done < out.size()) {
      const std::uint64_t at = from.value() + done;
      auto region = regions_.upper_bound(at);
      if (region == regions_.begin()) break;
      --region;
      const std::uint64_t skip = at - region->first;
      if (skip >= region->second.size()) break;
      const std::size_t n = std::min<std::size_t>(out.size() - done, region->second.size() - skip);
      std::memcpy(out.data() + done, region->second.data() + skip, n);
      done += n;
    }
    return done;
  }

 private:
  std::map<std::uint64_t, std::vector<std::uint8_t>> regions_;
};

inline constexpr std::uint64_t kCode = 0x555555554000;
inline constexpr std::uint64_t kHeap = 0x555555800000;
inline constexpr std::uint64_t kStack = 0x7ffffffde000;
inline constexpr std::uint64_t kStackEnd = 0x7ffffffff000;

// Code at kCode, a heap page at kHeap, a stack; the crashed thread is at kCode.
struct FakeTarget {
  FakeTarget() {
    snapshot.pid = 100;
    snapshot.memory = &memory;
    map(kCode, 0x1000, "r-x", "/usr/bin/program");
    map(kHeap, 0x1000, "rw-", "[heap]");
    map(kStack, kStackEnd - kStack, "rw-", "[stack]");
    ThreadSnapshot thread;
    thread.tid = 100;
    thread.crashed = true;
    thread.stack_start = TargetAddr(kStack);
    thread.stack_end = TargetAddr(kStackEnd);
    snapshot.threads.push_back(thread);
    reg(Registers::kRip) = kCode;
    reg(Registers::kRsp) = kStackEnd - 0x1000;
  }
  FakeTarget(const FakeTarget&) = delete;
  FakeTarget& operator=(const FakeTarget&) = delete;

  void map(std::uint64_t start, std::uint64_t size, const std::string& permissions, const std::string& path) {
    Mapping m;
    m.start = TargetAddr(start);
    m.end = TargetAddr(start + size);
    m.readable = permissions[0] == 'r';
    m.writable = permissions[1] == 'w';
    m.executable = permissions[2] == 'x';
    m.path = path;
    snapshot.mappings.push_back(m);
    std::sort(snapshot.mappings.begin(), snapshot.mappings.end(),
              [](const Mapping& a, const Mapping& b) { return a.start < b.start; });
  }
  void code(std::vector<std::uint8_t> bytes, std::uint64_t at = kCode) { memory.put(at, std::move(bytes)); }
  std::uint64_t& reg(Registers::Index r) { return thread().registers.dwarf[r]; }
  ThreadSnapshot& thread() { return snapshot.threads.front(); }
  SignalSnapshot& signal(int number, int code, std::uint64_t address) {
    snapshot.signal.emplace();
    snapshot.signal->number = number;
    snapshot.signal->code = code;
    snapshot.signal->address = TargetAddr(address);
    return *snapshot.signal;
  }

  FakeMemory memory;
  Snapshot snapshot;
};

}  // namespace segwhy::test
