// Snapshot: a stopped process as captured, before anything is interpreted.
//
// Made by capture/ from a live process or a core file, or by hand in tests; consumed by unwind/, symbols/, pystate/
// and frameworks/. It owns no process: `memory` is valid while the capture that produced the snapshot lives.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_reader.h"
#include "base/target_addr.h"

namespace segwhy {

// General registers, x86-64, in DWARF register order (System V psABI figure 3.36) so that unwinders need no table.
struct Registers {
  enum Index {
    kRax,
    kRdx,
    kRcx,
    kRbx,
    kRsi,
    kRdi,
    kRbp,
    kRsp,
    kR8,
    kR9,
    kR10,
    kR11,
    kR12,
    kR13,
    kR14,
    kR15,
    kRip,
    kCount
  };

  std::array<std::uint64_t, kCount> dwarf{};
  std::uint64_t eflags = 0;
  std::uint64_t fs_base = 0;  // the thread pointer: glibc's pthread_self()
  std::uint64_t gs_base = 0;

  [[nodiscard]] TargetAddr pc() const { return TargetAddr(dwarf[kRip]); }
  [[nodiscard]] TargetAddr sp() const { return TargetAddr(dwarf[kRsp]); }
  [[nodiscard]] TargetAddr fp() const { return TargetAddr(dwarf[kRbp]); }
};

struct Mapping {
  TargetAddr start, end;  // half-open
  std::uint64_t file_offset = 0;
  bool readable = false, writable = false, executable = false, shared = false;
  std::uint64_t device = 0, inode = 0;
  std::string path;  // as in /proc/PID/maps: a file, "[stack]", "[heap]", "" for anonymous; without " (deleted)"
  bool deleted = false;

  [[nodiscard]] bool contains(TargetAddr a) const { return start <= a && a < end; }
};

// The system call in which a thread is blocked.
struct SystemCall {
  std::uint64_t number = 0;
  std::array<std::uint64_t, 6> arguments{};
};

struct ThreadSnapshot {
  int tid = 0;
  std::string name;  // comm
  bool crashed = false;
  // Where the thread was; for the crashed one, at the faulting instruction and not in a signal handler.
  Registers registers;
  bool registers_known = true;
  // The thread's stack as far as known (from its mapping); empty when not.
  TargetAddr stack_start, stack_end;
  // Filled by look_at_process() only; absent: the thread runs, or it is not known.
  std::optional<SystemCall> system_call;
};

// The fatal signal, as the kernel described it.
struct SignalSnapshot {
  int number = 0;
  int code = 0;        // si_code
  TargetAddr address;  // si_addr; meaningful for SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP with code > 0 and < 128
  int sender_pid = 0;  // si_pid when sent by a process (code <= 0)
  int sender_uid = 0;
  // The CPU's page-fault error code and cr2 from the signal frame, when known (x86: bit 1 write, bit 4 fetch).
  std::optional<std::uint64_t> page_fault_error;
  std::uint64_t trap_number = 0;
};

struct Snapshot {
  int pid = 0;
  std::vector<Mapping> mappings;        // ascending
  std::vector<ThreadSnapshot> threads;  // the crashed one first
  std::optional<SignalSnapshot> signal;
  std::string executable;           // path of the program file
  std::string root;                 // prefix under which the target's paths are to be opened ("" or /proc/PID/root)
  std::vector<std::uint64_t> auxv;  // type, value, type, value...
  MemoryReader* memory = nullptr;   // not owned, never null in a finished snapshot

  [[nodiscard]] const Mapping* mapping_of(TargetAddr address) const;
  [[nodiscard]] const ThreadSnapshot* crashed_thread() const;
};

}  // namespace segwhy
