// What the rules that read the heap's history share. Pure and thread-safe.
#pragma once

#include <string>

#include "diagnose/block_story.h"
#include "diagnose/candidate.h"

namespace segwhy {

// The block at the fault address, when the death is a memory fault that is about a block; nullptr else.
[[nodiscard]] const Block* block_of_fault(const Facts& facts);

// Whether what the runtime found wrong is why the process ended: certain where the process did not die of a fault, or
// died in the allocator over what was found; else a finding and a death of their own, and only likely one.
[[nodiscard]] Confidence confidence_of_finding(const Facts& facts);

// A candidate for a finding, with its place, its block's story and its moment.
[[nodiscard]] Candidate from_finding(const Facts& facts, const MemoryFinding& finding, std::string slug);

// "wrote 8 bytes", or of a system call "let the kernel write 8 bytes".
[[nodiscard]] std::string access_phrase(const MemoryFinding& finding);
// " in a call of read()" of a system call, and " at train.py:20 (step)"; empty when not known.
[[nodiscard]] std::string scene_phrase(const MemoryFinding& finding);

// How often the same was seen, and what became of a system call.
void add_access_evidence(const MemoryFinding& finding, Candidate& candidate);

// A late finding does not name who did it; a rerun that checks every access does.
void add_exact_rerun(const Facts& facts, const MemoryFinding& finding, Candidate& candidate);

// The block's story: allocation, free, notes, former owners.
void add_block_evidence(const Block& block, Candidate& candidate);

// That the heap made the place inaccessible, and that the program might go on without.
void add_protection_evidence(const Block& block, Candidate& candidate);

}  // namespace segwhy
