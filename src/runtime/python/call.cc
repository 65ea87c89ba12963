#include "runtime/python/call.h"

#include <string.h>

namespace segwhy::runtime::python {

Object* Call::run() const {
  if (self == nullptr) return python.call(original, arguments, static_cast<size_t>(count), names);
  const ssize_t keywords = names != nullptr ? python.PyTuple_Size(names) : 0;
  const auto total = static_cast<size_t>(count + keywords);
  // As long as the interpreter's own copy of it, which is on the stack as well.
  auto** const all = static_cast<Object**>(__builtin_alloca((total + 1) * sizeof(Object*)));
  all[0] = self;
  memcpy(all + 1, arguments, total * sizeof(Object*));
  return python.call(original, all, static_cast<size_t>(count) + 1, names);
}

Object* Call::argument(ssize_t position, const char* name) const {
  if (position < count) return arguments[position];
  const ssize_t keywords = names != nullptr ? python.PyTuple_Size(names) : 0;
  for (ssize_t i = 0; i < keywords; ++i) {
    if (python.PyUnicode_CompareWithASCIIString(python.PyTuple_GetItem(names, i), name) == 0) {
      return arguments[count + i];
    }
  }
  return nullptr;
}

}  // namespace segwhy::runtime::python
