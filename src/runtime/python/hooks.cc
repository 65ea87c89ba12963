#include "runtime/python/hooks.h"

#include "runtime/python/modules.h"
#include "runtime/python/watchers.h"

namespace segwhy::runtime::python {
namespace {

struct Place {
  const char* module;
  const char* owner;  // a class in it; null: the module itself
  const char* name;
  Watcher watcher;
  const char* registrar =
      nullptr;  // the function of `pywrap_tfe` by which the place is told; the module stays as it is
};

constexpr char kOps[] = "tensorflow.python.framework.ops";
constexpr char kFunctions[] = "tensorflow.python.eager.function";                                     // to 2.9
constexpr char kMonomorphic[] = "tensorflow.python.eager.polymorphic_function.monomorphic_function";  // to 2.12
constexpr char kAtomic[] = "tensorflow.python.eager.polymorphic_function.atomic_function";

// A version has some of these; which, decides itself.
constexpr Place kPlaces[] = {
    {kOps, "Graph", "_create_op_internal", &watch_node_creation},
    {kOps, "Graph", "_create_op_from_tf_operation", &watch_node_adoption},
    {"tensorflow.python.framework.func_graph", nullptr, "func_graph_from_py_func", &watch_tracing},
    {"tensorflow.python.autograph.pyct.origin_info", nullptr, "create_source_map", &watch_source_map},
    {kFunctions, "_EagerDefinedFunction", "__init__", &watch_eager_function},
    {kFunctions, "_EagerDefinedFunction", "call", &watch_function_call},
    {kMonomorphic, "_EagerDefinedFunction", "__init__", &watch_eager_function},
    {kMonomorphic, "_EagerDefinedFunction", "call", &watch_function_call},
    {kAtomic, "AtomicFunction", "__init__", &watch_atomic_function},
    {kAtomic, "AtomicFunction", "call_flat", &watch_function_call},
    {"tensorflow.python.client.session", "BaseSession", "_call_tf_sessionrun", &watch_session_run},
    {"tensorflow.python.eager.backprop", nullptr, "_gradient_function", &watch_gradient,
     "TFE_Py_RegisterGradientFunction"},
};
constexpr unsigned kPlaceCount = sizeof kPlaces / sizeof kPlaces[0];

Object* originals[kPlaceCount];  // references that are kept for ever
unsigned done;                   // places that need not be looked at again

// What takes the place of the function at kPlaces[kIndex].
template <unsigned kIndex>
Object* stand_in(Object* self, Object* const* arguments, ssize_t count, Object* names) {
  Object* const owner = kPlaces[kIndex].owner != nullptr ? self : nullptr;
  return kPlaces[kIndex].watcher({*interpreter(), originals[kIndex], owner, arguments, count, names}, *node_table());
}

template <unsigned... kIndices>
struct StandIns {
  static constexpr FastCall kFunctions[] = {&stand_in<kIndices>...};
};
template <unsigned kCount, unsigned... kIndices>
struct MakeStandIns : MakeStandIns<kCount - 1, kCount - 1, kIndices...> {};
template <unsigned... kIndices>
struct MakeStandIns<0, kIndices...> {
  using Type = StandIns<kIndices...>;
};

MethodDefinition definitions[kPlaceCount];

[[nodiscard]] bool tell(const Interpreter& python, Object* names, const char* registrar, Object* function) {
  Object* const binding = python.PyDict_GetItemString(names, "pywrap_tfe");
  if (binding == nullptr) return false;
  const Owned target(python, python.PyObject_GetAttrString(binding, registrar));
  if (!target) return false;
  const Owned result(python, python.PyObject_CallFunctionObjArgs(target.get(), function, nullptr));
  return result.get() != nullptr;
}

[[nodiscard]] bool put(const Interpreter& python, const Place& place, Object* names, Object* owner, Object* made) {
  if (owner != nullptr) return python.PyObject_SetAttrString(owner, place.name, made) == 0;
  if (place.registrar != nullptr) return tell(python, names, place.registrar, made);
  return python.PyDict_SetItemString(names, place.name, made) == 0;
}

// False: what stands there is not a plain function of Python's. Then it stays as it is.
[[nodiscard]] bool replace(const Interpreter& python, unsigned index, Object* names, Object* owner) {
  const Place& place = kPlaces[index];
  Object* const original = owner != nullptr ? python.PyObject_GetAttrString(owner, place.name)
                                            : python.PyDict_GetItemString(names, place.name);
  if (original == nullptr || type_of(original) != python.PyFunction_Type) return false;
  python.Py_IncRef(original);  // once more than needed for an attribute: it is kept for ever
  originals[index] = original;
  definitions[index] = {place.name, MakeStandIns<kPlaceCount>::Type::kFunctions[index], kFastCallWithKeywords, nullptr};
  const Owned made(python, owner != nullptr ? python.PyDescr_NewMethod(owner, &definitions[index])
                                            : python.PyCFunction_NewEx(&definitions[index], nullptr, nullptr));
  return made && put(python, place, names, owner, made.get());
}

// Of the file "/usr/lib/python3.11/os.py".
void note_library(const Interpreter& python, NodeTable& table) {
  Object* const os = find_module(python, "os");
  Object* const file = os != nullptr ? python.PyDict_GetItemString(os, "__file__") : nullptr;
  Text folder = text_of(python, file);
  while (folder.size > 0 && folder.data[folder.size - 1] != '/') --folder.size;
  table.set_library(folder);
}

}  // namespace

bool install_hooks(const Interpreter& python, NodeTable& table) {
  for (unsigned i = 0; i < kPlaceCount; ++i) {
    if ((done & (1u << i)) != 0) continue;
    Object* const names = find_module(python, kPlaces[i].module);
    if (names == nullptr) continue;
    Object* const owner = kPlaces[i].owner != nullptr ? python.PyDict_GetItemString(names, kPlaces[i].owner) : nullptr;
    const char* const wanted = kPlaces[i].owner != nullptr ? kPlaces[i].owner : kPlaces[i].name;
    if (python.PyDict_GetItemString(names, wanted) == nullptr) continue;
    if (done == 0) note_library(python, table);
    done |= 1u << i;
    if (replace(python, i, names, owner)) table.set_hook(i);
    python.PyErr_Clear();
  }
  return done == (1u << kPlaceCount) - 1;
}

}  // namespace segwhy::runtime::python
