#include "runtime/trace/python_layout.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "runtime/pal/atomic.h"
#include "runtime/pal/modules.h"
#include "runtime/trace/native_walk.h"
#include "runtime/trace/stacks.h"

namespace segwhy::runtime::trace {
namespace {

constexpr wire::PythonVersionLayout kVersions[] = {
#include "pystate/offsets_table.inc"
};

// No structure that is read here is larger, the interpreter's state aside.
constexpr uint64_t kMaxOffset = 4u << 20;

Python found;
bool is_found;

// How _PyRuntime begins from 3.13 on.
struct DebugOffsetsHeader {
  char cookie[8];
  uint64_t version;  // PY_VERSION_HEX
  uint64_t free_threaded;
};

[[nodiscard]] void* symbol(const char* name) {
  return dlsym(RTLD_DEFAULT, name);
}

[[nodiscard]] int minor_of_hex(uint64_t version) {
  return version >> 24 == 3 ? static_cast<int>((version >> 16) & 0xff) : 0;
}

// From "3.10.13 (main, ...": the text that the function gives is made of constants.
[[nodiscard]] int minor_of_text() {
  const auto version = reinterpret_cast<const char* (*)()>(symbol("Py_GetVersion"));
  const char* const text = version != nullptr ? version() : nullptr;
  if (text == nullptr || strncmp(text, "3.", 2) != 0) return 0;
  int minor = 0;
  for (const char* at = text + 2; *at >= '0' && *at <= '9' && minor < 100; ++at) minor = minor * 10 + (*at - '0');
  return minor;
}

// Of 3.minor; 0 when there is no interpreter, or one of a kind that is not known.
[[nodiscard]] int find_minor(const char* runtime) {
  DebugOffsetsHeader header;
  memcpy(&header, runtime, sizeof header);
  if (memcmp(header.cookie, wire::kPythonDebugCookie, sizeof header.cookie) == 0) {
    return header.free_threaded == 0 ? minor_of_hex(header.version) : 0;
  }
  if (const auto* const version = static_cast<const unsigned long*>(symbol("Py_Version")))
    return minor_of_hex(*version);
  return minor_of_text();
}

[[nodiscard]] bool fill_offsets(const wire::PythonVersionLayout& version, const char* runtime, Python& out) {
  for (uint32_t& offset : out.offsets) offset = Python::kAbsent;
  for (const wire::PythonFieldOffset& row : version.members.rows) {
    if (row.field != Field::kCount) out.offsets[static_cast<unsigned>(row.field)] = row.offset;
  }
  for (const wire::PythonFieldOffset& row : version.described.rows) {
    if (row.field == Field::kCount) continue;
    uint64_t offset = 0;
    memcpy(&offset, runtime + row.offset, sizeof offset);
    if (offset > kMaxOffset) return false;
    out.offsets[static_cast<unsigned>(row.field)] = static_cast<uint32_t>(offset);
  }
  return true;
}

[[nodiscard]] bool find(Python& out) {
  const auto* const runtime = static_cast<const char*>(symbol("_PyRuntime"));
  if (runtime == nullptr) return false;
  out.minor = find_minor(runtime);
  const wire::PythonVersionLayout* version = nullptr;
  for (const wire::PythonVersionLayout& candidate : kVersions) {
    if (candidate.minor == out.minor) version = &candidate;
  }
  if (version == nullptr || !fill_offsets(*version, runtime, out)) return false;
  out.this_thread_state = reinterpret_cast<void* (*)()>(symbol("PyGILState_GetThisThreadState"));
  out.code_type = reinterpret_cast<uintptr_t>(symbol("PyCode_Type"));
  out.str_type = reinterpret_cast<uintptr_t>(symbol("PyUnicode_Type"));
  out.bytes_type = reinterpret_cast<uintptr_t>(symbol("PyBytes_Type"));
  pal::CodeModule module{};
  if (pal::find_module(reinterpret_cast<uintptr_t>(out.this_thread_state), module)) {
    out.code_begin = module.start;
    out.code_end = module.end;
  }
  return out.this_thread_state != nullptr && out.code_type != 0 && out.str_type != 0 && out.bytes_type != 0;
}

}  // namespace

const Python* python() {
  return pal::load(is_found) ? &found : nullptr;
}

void find_python() {
  pal::note_modules();
  if (pal::load(is_found)) return;
  const int saved = errno;
  if (find(found)) {
    set_interpreter_function(reinterpret_cast<uintptr_t>(symbol("_PyEval_EvalFrameDefault")));
    pal::store(is_found, true);
  }
  errno = saved;
}

}  // namespace segwhy::runtime::trace
