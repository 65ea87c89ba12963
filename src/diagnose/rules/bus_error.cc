// truncated-mapping and shared-memory-exhausted: SIGBUS inside a mapped file. The kernel had no page to give: because
// the file ends before it, or because the file system is full.
//
// Near misses: SIGBUS for an address that is no address (stack registers: wild-pointer); a stray pointer into the tail
// of a loaded library's mapping.
#include <fmt/format.h>

#include <csignal>

#include "base/text.h"
#include "diagnose/narrate.h"
#include "diagnose/rules/memory_fault.h"
#include "diagnose/rules/rules.h"

namespace segwhy {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr int kAddressError = 2;  // BUS_ADRERR

struct FileFault {
  const MappingInfo* mapping = nullptr;
  std::string access;
  std::uint64_t offset = 0;  // of the access in the file
  bool in_memory = false;    // tmpfs: its pages are memory
  bool beyond_end = false;   // the file's size is known and the access is not in any page of it
  bool full = false;         // its file system has no page left
};

std::optional<FileFault> file_fault(const Facts& facts) {
  const Fault* fault = facts.fault();
  if (!facts.died_of(SIGBUS) || !facts.raised_by_kernel() || fault == nullptr || fault->non_canonical)
    return std::nullopt;
  if (!fault->inside || fault->inside->path.empty() || fault->inside->path.starts_with('[') || !fault->address)
    return std::nullopt;
  if (facts.evidence.death.code && *facts.evidence.death.code != kAddressError) return std::nullopt;
  FileFault found;
  found.mapping = &*fault->inside;
  found.access = fault->access;
  found.offset = *fault->address - found.mapping->start + found.mapping->file_offset;
  found.in_memory = found.mapping->filesystem == "tmpfs" || found.mapping->filesystem == "shm" ||
                    found.mapping->path.starts_with("/dev/shm/");
  if (found.mapping->file_size) {
    const std::uint64_t pages = (*found.mapping->file_size + kPage - 1) / kPage;
    found.beyond_end = found.offset / kPage >= pages;
  }
  auto free = found.mapping->filesystem_free;
  if (!free) free = facts.evidence.machine.shm_free;
  found.full = found.in_memory && free && *free < 16 * kPage;
  return found;
}

bool is_library(const MappingInfo& mapping) {
  return !mapping.section.empty() || mapping.path.find(".so") != std::string::npos;
}

// Where the room for the page is to come from.
std::string room_advice(const MappingInfo& mapping, const Machine& machine) {
  const bool nameless = mapping.path.starts_with("/memfd:") || mapping.path.starts_with("/SYSV");
  if (!nameless && !mapping.path.starts_with("/dev/shm/"))
    return fmt::format("Make room in the file system that holds {}, or mount it with a larger size= option.",
                       mapping.path);
  return fmt::format(
      "Give the container more shared memory than the {} it has: `docker run --shm-size=2g`, or an emptyDir of medium "
      "Memory on /dev/shm in Kubernetes; on a plain machine `mount -o remount,size=2g /dev/shm`.",
      machine.shm_total ? human_bytes(*machine.shm_total) : "amount");
}

}  // namespace

std::optional<Candidate> truncated_mapping(const Facts& facts) {
  const auto found = file_fault(facts);
  if (!found ||
      (!found->beyond_end && (found->in_memory || found->mapping->file_size.has_value() || found->mapping->deleted))) {
    return std::nullopt;
  }
  const MappingInfo& mapping = *found->mapping;
  const std::string name(base_name(mapping.path));
  Candidate candidate{.slug = "truncated-mapping", .score = 80};
  const bool stray = is_library(mapping) && found->access != "execute";
  candidate.confidence = found->beyond_end && !stray ? Confidence::kCertain : Confidence::kLikely;
  const std::string size = mapping.file_size ? human_bytes(*mapping.file_size) : "unknown size";
  candidate.summary = fmt::format("{} {} of {} at file offset {}, but the file is now only {} long{}.", subject(facts),
                                  found->access == "write" ? "wrote to the mapping" : "read the mapping", name,
                                  found->offset, size, at_line(facts));
  if (!mapping.file_size)
    candidate.summary = fmt::format("{} touched the mapping of {} at file offset {}, where the file has no data{}.",
                                    subject(facts), name, found->offset, at_line(facts));
  candidate.evidence.push_back(fmt::format("The mapping covers file offsets {} to {} of {}; the file's size is {}.",
                                           mapping.file_offset, mapping.file_offset + (mapping.end - mapping.start),
                                           mapping.path, size));
  add_common_evidence(facts, candidate);
  if (is_library(mapping)) {
    candidate.advice.push_back(
        fmt::format("Do not replace {} in place while programs run from it: install anew and restart.", name));
    if (stray)
      candidate.alternatives.push_back(
          {"wild-pointer", "A stray pointer may have hit the tail of the library's mapping."});
  } else {
    candidate.advice.push_back(fmt::format(
        "Find what shortens {} while it is mapped; write a new file and rename it over the old one instead.",
        mapping.path));
    if (candidate.confidence != Confidence::kCertain)
      candidate.alternatives.push_back(
          {"shared-memory-exhausted", "The file system may have had no room for the page."});
  }
  return candidate;
}

std::optional<Candidate> shared_memory_exhausted(const Facts& facts) {
  const auto found = file_fault(facts);
  if (!found || !found->in_memory || found->beyond_end) return std::nullopt;
  const MappingInfo& mapping = *found->mapping;
  const auto& machine = facts.evidence.machine;
  Candidate candidate{.slug = "shared-memory-exhausted", .score = 80};
  candidate.confidence = found->full && mapping.file_size ? Confidence::kCertain : Confidence::kLikely;
  const std::string total = machine.shm_total ? " of " + human_bytes(*machine.shm_total) : "";
  candidate.summary = fmt::format("{} touched a page of {} that the shared memory file system{} had no room for{}.",
                                  subject(facts), base_name(mapping.path), total, at_line(facts));
  candidate.evidence.push_back(fmt::format(
      "SIGBUS at offset {} of {}, which {}: the page is promised but could not be provided.", found->offset,
      mapping.path, mapping.file_size ? "is " + human_bytes(*mapping.file_size) + " long" : "is in shared memory"));
  if (mapping.filesystem_free)
    candidate.evidence.push_back(fmt::format("The file system has {} free.", human_bytes(*mapping.filesystem_free)));
  else if (machine.shm_free)
    candidate.evidence.push_back(fmt::format("/dev/shm has {} free{}.", human_bytes(*machine.shm_free), total));
  add_common_evidence(facts, candidate);
  candidate.advice.push_back(room_advice(mapping, machine));
  candidate.advice.push_back(
      fmt::format("Or ask for less{}: fewer workers or smaller batches put less into it at a time.", at_line(facts)));
  if (candidate.confidence != Confidence::kCertain)
    candidate.alternatives.push_back({"truncated-mapping", "The file may have been shortened while it was mapped."});
  return candidate;
}

}  // namespace segwhy
