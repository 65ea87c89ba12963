// When to look for TensorFlow in the interpreter: whenever a library is about to be loaded.
//
// CPython loads an extension module with dlopen() while it holds its lock, and TensorFlow has some seventy of them to
// load after the modules that are watched. So every look is made where Python code may be touched, and nothing has to
// be scheduled. A program without TensorFlow pays a look-up in a dictionary for each library.
#pragma once

namespace segwhy::runtime::python {

// To be called before the library is loaded. Never fails; keeps errno and any exception that Python has set.
void before_library_load();

}  // namespace segwhy::runtime::python
