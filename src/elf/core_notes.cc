#include "elf/core_notes.h"

#include <elf.h>

#include "elf/notes.h"

namespace segwhy {
namespace {

// struct elf_prstatus and elf_prpsinfo of x86-64 (<sys/procfs.h>), by offset.
constexpr std::uint64_t kPrStatusCurSig = 12;
constexpr std::uint64_t kPrStatusPid = 32;
constexpr std::uint64_t kPrStatusRegisters = 112;
constexpr std::uint64_t kPrPsInfoUid = 16;
constexpr std::uint64_t kPrPsInfoPid = 24;
constexpr std::uint64_t kPrPsInfoName = 40;
constexpr std::uint64_t kPrPsInfoNameSize = 16;
constexpr std::uint64_t kPrPsInfoArguments = 56;
constexpr std::uint64_t kPrPsInfoArgumentsSize = 80;

std::optional<CoreThread> parse_prstatus(ByteView bytes) {
  CoreThread thread;
  const auto registers = bytes.at<decltype(thread.registers)>(kPrStatusRegisters);
  const auto tid = bytes.at<std::int32_t>(kPrStatusPid);
  const auto signal = bytes.at<std::int16_t>(kPrStatusCurSig);
  if (!registers || !tid || !signal) return std::nullopt;
  thread.registers = *registers;
  thread.tid = *tid;
  thread.current_signal = *signal;
  return thread;
}

std::optional<CoreProcessInfo> parse_prpsinfo(ByteView bytes) {
  const auto pid = bytes.at<std::int32_t>(kPrPsInfoPid);
  const auto uid = bytes.at<std::int32_t>(kPrPsInfoUid);
  const auto name = bytes.field(kPrPsInfoName, kPrPsInfoNameSize);
  const auto arguments = bytes.field(kPrPsInfoArguments, kPrPsInfoArgumentsSize);
  if (!pid || !uid || !name || !arguments) return std::nullopt;
  return CoreProcessInfo{*pid, *uid, std::string(*name), std::string(*arguments)};
}

// count, page size, count times (start, end, offset in pages), count names. Stops at the first entry that does not fit.
std::vector<CoreFileMapping> parse_nt_file(ByteView bytes) {
  constexpr std::uint64_t kTable = 16;
  constexpr std::uint64_t kEntry = 24;
  const auto count = bytes.at<std::uint64_t>(0);
  const auto page_size = bytes.at<std::uint64_t>(8);
  if (!count || !page_size || *count > bytes.size() / kEntry) return {};
  std::vector<CoreFileMapping> out;
  std::uint64_t name_at = kTable + *count * kEntry;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto entry = bytes.at<std::array<std::uint64_t, 3>>(kTable + i * kEntry);
    const auto name = bytes.c_string(name_at);
    if (!entry || !name) break;
    name_at += name->size() + 1;
    out.push_back({(*entry)[0], (*entry)[1], (*entry)[2] * *page_size, std::string(*name)});
  }
  return out;
}

}  // namespace

std::vector<std::uint64_t> parse_auxv(ByteView bytes) {
  std::vector<std::uint64_t> out;
  for (std::uint64_t at = 0; const auto entry = bytes.at<Elf64_auxv_t>(at); at += sizeof(Elf64_auxv_t)) {
    if (entry->a_type == AT_NULL) break;
    out.push_back(entry->a_type);
    out.push_back(entry->a_un.a_val);
  }
  return out;
}

CoreNotes parse_core_notes(ByteView notes, std::uint64_t alignment) {
  CoreNotes out;
  for (const ElfNote& note : parse_notes(notes, alignment)) {
    if (note.name != "CORE") continue;
    switch (note.type) {
      case NT_PRSTATUS:
        if (const auto thread = parse_prstatus(note.description)) out.threads.push_back(*thread);
        break;
      case NT_PRPSINFO:
        out.process = parse_prpsinfo(note.description);
        break;
      case NT_SIGINFO:
        // One per thread in gdb's cores: the first is that of the thread that died.
        if (!out.siginfo) out.siginfo = note.description.at<std::array<std::byte, CoreNotes::kSigInfoSize>>(0);
        break;
      case NT_FILE:
        out.files = parse_nt_file(note.description);
        break;
      case NT_AUXV:
        out.auxv = parse_auxv(note.description);
        break;
      default:
        break;
    }
  }
  return out;
}

}  // namespace segwhy
