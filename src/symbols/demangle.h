// Demangling of C++ (Itanium) and Rust (legacy and v0) names, bounded: a garbage name can neither exhaust memory nor
// time nor the stack. Pure, thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace segwhy {

// The readable name, or `symbol` itself when it is not mangled or cannot be demangled. Compiler suffixes of C names
// (".cold", ".part.0", ".constprop.0") and symbol versions ("@@GLIBC_2.2.5") are dropped: they are no part of the name.
[[nodiscard]] std::string demangle(std::string_view symbol);

}  // namespace segwhy
