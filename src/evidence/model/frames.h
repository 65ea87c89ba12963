// Frames of native and Python stacks, as a Case holds them (case.h says how the fields are listed).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace segwhy {

using Address = std::uint64_t;

// How sure a native frame is.
inline constexpr char kTrustContext[] = "context";  // from the thread's registers
inline constexpr char kTrustCfi[] = "cfi";          // unwound by call frame information
inline constexpr char kTrustFp[] = "frame-pointer";
inline constexpr char kTrustReturnAddress[] = "return-address";  // on top of the stack after a bad jump, behind a call
inline constexpr char kTrustScan[] = "scan";                     // a return address found on the stack: may be stale

struct NativeFrame {
  Address pc = 0;             // of the instruction being executed: for a caller, inside the call instruction's line
  std::optional<Address> sp;  // stack pointer in this frame, when known
  std::string module;         // path of the mapped object; empty for JIT code and unmapped addresses
  std::optional<std::uint64_t> offset;  // of pc in the module: file-relative virtual address, as addr2line takes it
  std::string function;                 // demangled in full; empty when unknown
  std::string short_name;               // for reading: templates and namespaces cut to what matters
  std::string symbol;                   // as in the symbol table
  std::optional<std::uint64_t> function_offset;
  std::string file;  // from debug information
  std::optional<int> line;
  std::string source;    // the text of `line` in code of origin "user", when the file could be read; not stripped
  std::string origin;    // "user": neither the system's, nor a package's, nor the interpreter's; else ""
  bool inlined = false;  // inlined into the next frame (same pc)
  bool signal_frame = false;
  std::string trust;

  template <class V>
  void fields(V& v) {
    v("pc", pc), v("sp", sp), v("module", module), v("offset", offset), v("function", function);
    v("short_name", short_name), v("symbol", symbol), v("function_offset", function_offset), v("file", file);
    v("line", line), v("source", source), v("origin", origin), v("inlined", inlined), v("signal_frame", signal_frame),
        v("trust", trust);
  }
};

struct PythonFrame {
  std::string file;      // co_filename
  std::string function;  // co_qualname on 3.11 and later, else co_name
  std::optional<int> line;
  std::optional<int> end_line, column, end_column;  // 3.11 and later; columns are 0-based UTF-8 byte offsets
  std::string source;                               // the text of `line`, when the file could be read; not stripped
  std::string origin;        // "user", "package" (site-packages), "stdlib", "frozen" or "" when not known
  bool entry = false;        // called from C: a native evaluation frame stands for this and the frames it inlined
  bool called_only = false;  // none of its own instructions has run yet: `line` is that of its definition
  // Interpreter-level facts of the function that help to name what it calls (see frameworks/): string constants of the
  // code object. Kept for the innermost frames only.
  std::vector<std::string> constants;

  template <class V>
  void fields(V& v) {
    v("file", file), v("function", function), v("line", line), v("end_line", end_line), v("column", column);
    v("end_column", end_column), v("source", source), v("origin", origin), v("entry", entry),
        v("called_only", called_only);
    v("constants", constants);
  }
};

}  // namespace segwhy
