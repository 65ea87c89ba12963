// What the notes of a Linux x86-64 core file say about the dead process. Pure, total on any input: notes that are
// absent, short or of an unknown layout leave their part empty.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_view.h"

namespace segwhy {

// One NT_PRSTATUS: a thread as the kernel saved it.
struct CoreThread {
  // struct user_regs_struct: r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss
  // fs_base gs_base ds es fs gs.
  static constexpr std::size_t kRegisterCount = 27;

  int tid = 0;
  int current_signal = 0;  // pr_cursig
  std::array<std::uint64_t, kRegisterCount> registers{};
};

// One entry of NT_FILE: a mapped file.
struct CoreFileMapping {
  std::uint64_t start = 0, end = 0;  // addresses
  std::uint64_t file_offset = 0;     // bytes
  std::string path;
};

struct CoreProcessInfo {  // NT_PRPSINFO
  int pid = 0, uid = 0;
  std::string name;       // of the program, 15 bytes at most
  std::string arguments;  // joined by blanks, 79 bytes at most
};

struct CoreNotes {
  static constexpr std::size_t kSigInfoSize = 128;

  std::vector<CoreThread> threads;  // in file order: the kernel and gdb put the thread that died first
  std::vector<CoreFileMapping> files;
  std::vector<std::uint64_t> auxv;  // type, value, ...; AT_NULL left out
  std::optional<std::array<std::byte, kSigInfoSize>> siginfo;
  std::optional<CoreProcessInfo> process;
};

// (type, value) pairs up to AT_NULL, of NT_AUXV or /proc/PID/auxv.
[[nodiscard]] std::vector<std::uint64_t> parse_auxv(ByteView bytes);

// `notes` is the contents of one PT_NOTE segment.
[[nodiscard]] CoreNotes parse_core_notes(ByteView notes, std::uint64_t alignment = 4);

}  // namespace segwhy
