// Findings that the program survives: lets the monitor look at the process while its libraries are still mapped and its
// threads are where they were, so that recorded stacks get names.
#pragma once

#include <stdint.h>

namespace segwhy::runtime::heap {

// A finding was written. Any thread, also under a lock of the heap.
void note_survived_finding(uint32_t index);

// Hands the first finding over, if there is a new one, and waits until the monitor has looked: tens of milliseconds,
// once in a process. No lock may be held. Costs a load otherwise. errno kept.
void show_findings();

// In a forked child: it has findings of its own.
void forget_findings();

}  // namespace segwhy::runtime::heap
