#include "runtime/python/eager.h"

#include <string.h>

#include "evidence/wire/eager.h"
#include "runtime/python/modules.h"

namespace segwhy::runtime::python {
namespace {

struct Flag {
  const char* module;
  const char* name;
  const char*
      reader;  // a function of the module behind the variable: once it is there, the variable stays as it is set
};

constexpr char kRunFunctions[] = "RUN_FUNCTIONS_EAGERLY";
constexpr char kDebugMode[] = "DEBUG_MODE";
constexpr Flag kFlags[] = {
    {"tensorflow.python.eager.def_function", kRunFunctions, "functions_run_eagerly"},  // to 2.9
    {"tensorflow.python.eager.polymorphic_function.polymorphic_function", kRunFunctions, "functions_run_eagerly"},
    {"tensorflow.python.eager.polymorphic_function.eager_function_run", kRunFunctions, "run_functions_eagerly"},
    {"tensorflow.python.data.ops.dataset_ops", kDebugMode, "enable_debug_mode"},  // to 2.8
    {"tensorflow.python.data.ops.debug_mode", kDebugMode, "enable_debug_mode"},
};
constexpr unsigned kFlagCount = sizeof kFlags / sizeof kFlags[0];

bool is_asked;
bool done[kFlagCount];

}  // namespace

void choose_eager(char** environment) {
  constexpr size_t kLength = sizeof wire::kEnvEager - 1;
  for (char** entry = environment; entry != nullptr && *entry != nullptr; ++entry) {
    if (strncmp(*entry, wire::kEnvEager, kLength) == 0 && (*entry)[kLength] == '=')
      is_asked = (*entry)[kLength + 1] != '\0';
  }
}

void run_functions_eagerly(const Interpreter& python) {
  for (unsigned i = 0; is_asked && i < kFlagCount; ++i) {
    Object* const names = done[i] ? nullptr : find_module(python, kFlags[i].module);
    if (names == nullptr || python.PyDict_GetItemString(names, kFlags[i].reader) == nullptr) continue;
    done[i] = true;
    if (python.PyDict_GetItemString(names, kFlags[i].name) == nullptr) continue;
    (void)python.PyDict_SetItemString(names, kFlags[i].name, python._Py_TrueStruct);
    python.PyErr_Clear();
  }
}

}  // namespace segwhy::runtime::python
