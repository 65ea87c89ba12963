// A call of a watched function, as its watcher sees it.
#pragma once

#include "runtime/python/interpreter.h"

namespace segwhy::runtime::python {

struct Call {
  const Interpreter& python;
  Object* original;
  Object* self;  // null: a function of a module
  Object* const* arguments;
  ssize_t count;
  Object* names;  // of the keyword arguments, which follow the positional ones: a tuple or null

  // Calls the original; the result is the caller's, null with an exception set.
  [[nodiscard]] Object* run() const;

  // A parameter after `self`, by its position or its name. Borrowed; null: it was not given.
  [[nodiscard]] Object* argument(ssize_t position, const char* name) const;
};

}  // namespace segwhy::runtime::python
