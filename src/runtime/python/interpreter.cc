#include "runtime/python/interpreter.h"

#include <dlfcn.h>
#include <errno.h>

#include "runtime/pal/atomic.h"
#include "runtime/trace/python_layout.h"
#include "runtime/trace/stacks.h"

namespace segwhy::runtime::python {
namespace {

Interpreter found;
bool is_found;

template <typename Pointer>
[[nodiscard]] bool resolve(Pointer& out, const char* name) {
  out = reinterpret_cast<Pointer>(dlsym(RTLD_DEFAULT, name));
  return out != nullptr;
}

[[nodiscard]] bool resolve_all(Interpreter& out) {
  // Each has a private name up to 3.12 and 3.8.
  bool complete = (resolve(out.current_thread_state, "PyThreadState_GetUnchecked") ||
                   resolve(out.current_thread_state, "_PyThreadState_UncheckedGet")) &&
                  (resolve(out.call, "PyObject_Vectorcall") || resolve(out.call, "_PyFunction_Vectorcall"));
#define SEGWHY_RESOLVE(name, type) complete = complete && resolve(out.name, #name);
  SEGWHY_PYTHON_FUNCTIONS(SEGWHY_RESOLVE)
#undef SEGWHY_RESOLVE
#define SEGWHY_RESOLVE(name) complete = complete && resolve(out.name, #name);
  SEGWHY_PYTHON_OBJECTS(SEGWHY_RESOLVE)
#undef SEGWHY_RESOLVE
  return complete;
}

}  // namespace

// Two threads that come here first at the same time write the same.
const Interpreter* interpreter() {
  if (pal::load(is_found)) return &found;
  const int saved = errno;
  trace::find_python();
  const bool known = trace::python() != nullptr && resolve_all(found);
  errno = saved;
  if (!known) return nullptr;
  pal::store(is_found, true);
  return &found;
}

bool holds_interpreter(const Interpreter& python) {
  void* const own = python.PyGILState_GetThisThreadState();
  return own != nullptr && own == python.current_thread_state();
}

Text text_of(const Interpreter& python, Object* object) {
  if (object == nullptr) return {};
  ssize_t size = 0;
  if (type_of(object) == python.PyUnicode_Type) {
    const char* const data = python.PyUnicode_AsUTF8AndSize(object, &size);
    if (data != nullptr) return {data, static_cast<size_t>(size)};
    python.PyErr_Clear();  // a lone surrogate
  } else if (type_of(object) == python.PyBytes_Type) {
    char* data = nullptr;
    if (python.PyBytes_AsStringAndSize(object, &data, &size) == 0) return {data, static_cast<size_t>(size)};
    python.PyErr_Clear();
  }
  return {};
}

}  // namespace segwhy::runtime::python
