#include "symbols/demangle.h"

#include <libiberty/demangle.h>

#include <csetjmp>

namespace segwhy {
namespace {

// libiberty refuses names beyond 1,024 characters unless told not to watch its recursion; kernels' names are longer
// (25 KB in TensorFlow 2.8). Its recursion is at most as deep as the name is long: measured, this many characters need
// less than 3 MB of stack.
constexpr std::size_t kMaxMangled = 8192;
constexpr std::size_t kMaxDemangled = 256 << 10;

// The callback has no way to stop the demangler, and a short name can expand without bound (each substitution may
// double what came before). These entry points of libiberty use no heap, so jumping out of them leaks nothing; no frame
// with a destructor lies between.
struct BoundedText {
  std::string* out = nullptr;
  std::size_t size = 0;
  std::jmp_buf too_long;
};

void append(const char* text, std::size_t size, void* opaque) {
  auto* bounded = static_cast<BoundedText*>(opaque);
  bounded->size += size;
  if (bounded->size > kMaxDemangled) std::longjmp(bounded->too_long, 1);
  bounded->out->append(text, size);
}

using Demangler = int (*)(const char*, int, demangle_callbackref, void*);

// False when the name is not of the demangler's scheme, or too long.
bool demangle_with(Demangler demangler, const char* mangled, std::string& out) {
  constexpr int kOptions = DMGL_PARAMS | DMGL_TYPES | DMGL_NO_RECURSE_LIMIT;
  BoundedText bounded;
  bounded.out = &out;
  if (setjmp(bounded.too_long) != 0) return false;  // NOLINT(cert-err52-cpp): see BoundedText
  return demangler(mangled, kOptions, append, &bounded) != 0;
}

bool is_rust(std::string_view name) {
  const bool legacy = name.starts_with("_ZN") && name.find("17h") != std::string_view::npos;
  return legacy || name.starts_with("_R");
}

}  // namespace

std::string demangle(std::string_view symbol) {
  std::string name(symbol.substr(0, symbol.find('@')));
  const bool mangled = name.starts_with("_Z") || name.starts_with("_R");
  if (!mangled) {
    const auto suffix = name.find('.', 1);
    return suffix == std::string::npos ? name : name.substr(0, suffix);
  }
  if (name.size() > kMaxMangled) return name;
  std::string out;
  if (is_rust(name) && demangle_with(rust_demangle_callback, name.c_str(), out) && !out.empty()) return out;
  out.clear();
  if (demangle_with(cplus_demangle_v3_callback, name.c_str(), out) && !out.empty()) return out;
  return name;
}

}  // namespace segwhy
