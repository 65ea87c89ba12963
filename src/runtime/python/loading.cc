#include "runtime/python/loading.h"

#include <errno.h>

#include "runtime/crash/process.h"
#include "runtime/pal/atomic.h"
#include "runtime/python/eager.h"
#include "runtime/python/hooks.h"

namespace segwhy::runtime::python {
namespace {

constexpr char kFirstModule[] = "tensorflow.python.framework.ops";

bool is_finished;

[[nodiscard]] bool is_imported(const Interpreter& python) {
  Object* const modules = python.PyImport_GetModuleDict();
  return modules != nullptr && python.PyDict_GetItemString(modules, kFirstModule) != nullptr;
}

void look(const Interpreter& python) {
  Object *type = nullptr, *value = nullptr, *traceback = nullptr;
  python.PyErr_Fetch(&type, &value, &traceback);
  if (is_imported(python)) {
    run_functions_eagerly(python);
    NodeTable* const table = node_table();
    if (table == nullptr || install_hooks(python, *table)) pal::store(is_finished, true);
  }
  python.PyErr_Restore(type, value, traceback);
}

}  // namespace

void before_library_load() {
  if (session() == nullptr || pal::load(is_finished)) return;
  const int saved = errno;
  const Interpreter* const python = interpreter();
  if (python != nullptr && holds_interpreter(*python)) look(*python);
  errno = saved;
}

}  // namespace segwhy::runtime::python
