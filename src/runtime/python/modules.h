// Modules that were imported.
#pragma once

#include "runtime/python/interpreter.h"

namespace segwhy::runtime::python {

// The namespace of a module; null: it was not imported. Borrowed. The caller holds the interpreter's lock; leaves no
// exception behind.
[[nodiscard]] inline Object* find_module(const Interpreter& python, const char* name) {
  Object* const modules = python.PyImport_GetModuleDict();
  Object* const module = modules != nullptr ? python.PyDict_GetItemString(modules, name) : nullptr;
  Object* const names = module != nullptr ? python.PyModule_GetDict(module) : nullptr;
  python.PyErr_Clear();
  return names;
}

}  // namespace segwhy::runtime::python
