// All that the program's own words say, parsed once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diagnose/messages/assertion.h"
#include "diagnose/messages/check.h"
#include "diagnose/messages/heap.h"
#include "diagnose/messages/libraries.h"
#include "diagnose/messages/limits.h"
#include "diagnose/messages/python.h"
#include "diagnose/messages/termination.h"
#include "evidence/model/case.h"

namespace segwhy::text {

struct TextFacts {
  // Each is the last of its kind. Those that glibc's abort message can carry are taken from there when it is known:
  // it is the process's last word, whatever older lines say.
  std::optional<CheckFailure> check;
  std::optional<AssertionFailure> assertion;
  std::optional<HeapComplaint> heap;
  std::optional<Termination> termination;
  std::optional<Panic> panic;
  std::optional<PythonFatal> python_fatal;
  std::optional<AllocationFailure> allocation;
  std::optional<ThreadFailure> threads;
  std::optional<LibraryComplaint> library;
  std::vector<Traceback> tracebacks;
  std::vector<TracebackFrame> fault_stack;
  bool abort_text_known = false;  // glibc's own message was read
  std::string last_line;          // the last line of text that is not part of a printed stack
  // The traceback that ended the main thread: the last one that does, when nothing but a few lines follow it.
  [[nodiscard]] const Traceback* final_traceback() const;
  // The program went on talking behind that traceback: it may have been caught and printed.
  bool spoke_after_traceback = false;
  std::size_t line_count = 0;
};

[[nodiscard]] TextFacts read_messages(const Messages& messages);

}  // namespace segwhy::text
