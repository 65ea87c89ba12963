// The interpreter's C functions, as the runtime calls them: found by name in the process, nothing of CPython's headers
// is compiled in. All that is used has had the same binary interface from 3.8 to 3.14.
//
// Everything but interpreter() and holds_interpreter() may only be called by a thread that holds the interpreter's lock
// (the GIL). Nothing here leaves a Python exception behind; a reference is owned by who got it where that is said.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

namespace segwhy::runtime::python {

using Object = void;  // PyObject

// PyMethodDef.
using FastCall = Object* (*)(Object* self, Object* const* arguments, ssize_t count, Object* names);
struct MethodDefinition {
  const char* name;
  FastCall function;
  int flags;
  const char* doc;
};
inline constexpr int kFastCallWithKeywords = 0x80 | 0x2;  // METH_FASTCALL | METH_KEYWORDS

// clang-format off
#define SEGWHY_PYTHON_FUNCTIONS(X)                                                                  \
  X(PyGILState_GetThisThreadState, void* (*)())                                                     \
  X(Py_IncRef, void (*)(Object*))                                                                   \
  X(Py_DecRef, void (*)(Object*))                                                                   \
  X(PyErr_Clear, void (*)())                                                                        \
  X(PyErr_Fetch, void (*)(Object**, Object**, Object**))                                            \
  X(PyErr_Restore, void (*)(Object*, Object*, Object*))                                             \
  X(PyImport_GetModuleDict, Object* (*)())                                                          \
  X(PyModule_GetDict, Object* (*)(Object*))                                                         \
  X(PyDict_GetItemString, Object* (*)(Object*, const char*))                                        \
  X(PyDict_SetItemString, int (*)(Object*, const char*, Object*))                                   \
  X(PyDict_Next, int (*)(Object*, ssize_t*, Object**, Object**))                                    \
  X(PyTuple_Size, ssize_t (*)(Object*))                                                             \
  X(PyTuple_GetItem, Object* (*)(Object*, ssize_t))                                                 \
  X(PySequence_Size, ssize_t (*)(Object*))                                                          \
  X(PySequence_GetItem, Object* (*)(Object*, ssize_t))                                              \
  X(PyObject_GetAttrString, Object* (*)(Object*, const char*))                                      \
  X(PyObject_GetAttr, Object* (*)(Object*, Object*))                                                \
  X(PyObject_Str, Object* (*)(Object*))                                                             \
  X(PyObject_SetAttrString, int (*)(Object*, const char*, Object*))                                 \
  X(PyObject_CallFunctionObjArgs, Object* (*)(Object*, ...))                                        \
  X(PyUnicode_AsUTF8AndSize, const char* (*)(Object*, ssize_t*))                                    \
  X(PyUnicode_InternFromString, Object* (*)(const char*))                                           \
  X(PyUnicode_CompareWithASCIIString, int (*)(Object*, const char*))                                \
  X(PyBytes_AsStringAndSize, int (*)(Object*, char**, ssize_t*))                                    \
  X(PyLong_AsLong, long (*)(Object*))                                                               \
  X(PyWeakref_NewRef, Object* (*)(Object*, Object*))                                                \
  X(PyWeakref_GetObject, Object* (*)(Object*))                                                      \
  X(PyDescr_NewMethod, Object* (*)(Object*, MethodDefinition*))                                     \
  X(PyCFunction_NewEx, Object* (*)(MethodDefinition*, Object*, Object*))

#define SEGWHY_PYTHON_OBJECTS(X)                                                                    \
  X(PyType_Type) X(PyFunction_Type) X(PyUnicode_Type) X(PyBytes_Type) X(PyDict_Type) X(PyTuple_Type)           \
  X(PyList_Type) X(PyMethod_Type) X(PyLong_Type) X(PyFloat_Type) X(PyBool_Type) X(_Py_NoneStruct) X(_Py_TrueStruct)
// clang-format on

struct Interpreter {
  void* (*current_thread_state)();                                                    // PyThreadState_GetUnchecked
  Object* (*call)(Object* function, Object* const*, size_t count, Object* keywords);  // of a Python function
  template <typename Function>
  using Pointer = Function;
#define SEGWHY_MEMBER(name, type) Pointer<type> name;
  SEGWHY_PYTHON_FUNCTIONS(SEGWHY_MEMBER)
#undef SEGWHY_MEMBER
#define SEGWHY_MEMBER(name) Object* name;
  SEGWHY_PYTHON_OBJECTS(SEGWHY_MEMBER)
#undef SEGWHY_MEMBER
};

// Null where the process has no interpreter of a known kind that gives all of it. Looks for it (dlsym) when called for
// the first time that one is loaded.
[[nodiscard]] const Interpreter* interpreter();

// Does the calling thread hold the lock of the interpreter that it first ran. False is also the answer when in doubt.
[[nodiscard]] bool holds_interpreter(const Interpreter& python);

[[nodiscard]] inline Object* type_of(const Object* object) {
  return *reinterpret_cast<Object* const*>(static_cast<const char*>(object) + sizeof(uintptr_t));
}

// A reference that is given back at the end of its scope. Null: there was an error, which is cleared.
class Owned {
 public:
  Owned(const Interpreter& python, Object* object) : python_(python), object_(object) {
    if (object == nullptr) python.PyErr_Clear();
  }
  ~Owned() {
    if (object_ != nullptr) python_.Py_DecRef(object_);
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;

  [[nodiscard]] Object* get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr && object_ != python_._Py_NoneStruct; }

 private:
  const Interpreter& python_;
  Object* object_;
};

// Text of a str or bytes object. Valid as long as the object; empty for any other.
struct Text {
  const char* data = nullptr;
  size_t size = 0;
};
[[nodiscard]] Text text_of(const Interpreter& python, Object* object);

}  // namespace segwhy::runtime::python
