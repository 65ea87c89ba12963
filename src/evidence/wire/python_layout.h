// The table of CPython's layouts, as its two readers include it: the runtime, which notes the Python frames of an
// allocation in the process itself, and the monitor (pystate/layout.h), which reads a broken process from outside.
//
// The table itself is src/pystate/offsets_table.inc, made by tools/pyoffsets from each version's own headers; it is
// included between the braces of an array of PythonVersionLayout where `Field` names PythonField.
#pragma once

#include <stdint.h>

namespace segwhy::wire {

// Names as in tools/pyoffsets/fields.py, which says which member of which structure each is.
enum class PythonField : uint8_t {
  kRuntimeInterpretersHead,
  kRuntimeFinalizing,
  kRuntimeGil,  // the GIL itself, up to 3.11
  kInterpreterId,
  kInterpreterNext,
  kInterpreterThreadsHead,
  kInterpreterGil,  // pointer to the GIL, from 3.12
  kGilLocked,
  kGilLastHolder,
  kInterpreterOwnGil,
  kThreadNext,
  kThreadInterpreter,
  kThreadFrame,     // to the innermost frame; 3.11 and 3.12: to a "cframe" that points to it
  kThreadPthread,   // pthread_self()
  kThreadNativeId,  // gettid()
  kCframeCurrentFrame,
  kFrameBack,
  kFrameCode,
  kFrameInstruction,  // f_lasti, prev_instr or instr_ptr
  kFrameIsEntry,      // 3.11
  kFrameOwner,
  kCodeFilename,
  kCodeName,
  kCodeQualname,
  kCodeLineTable,
  kCodeFirstLine,
  kCodeConstants,
  kCodeInstructions,
  kCodeFirstTraceable,
  kObjectType,
  kTypeName,
  kTypeFlags,
  kTupleSize,
  kTupleItems,
  kBytesSize,
  kBytesData,
  kStringLength,
  kStringState,
  kStringAsciiData,
  kStringCompactData,
  kFrameGlobals,  // this and what follows: 3.8 to 3.13
  kFrameLocals,
  kCodeLocalNames,
  kListSize,
  kListItems,
  kListAllocated,
  kDictUsed,
  kDictKeys,
  kDictValues,
  kSetUsed,
  kSetMask,
  kSetTable,
  kCellContents,
  kFunctionClosure,
  kBytearrayAllocated,
  kTypeBasicSize,
  kTypeDictOffset,
  kTypeCachedKeys,
  kCount
};
inline constexpr unsigned kPythonFields = static_cast<unsigned>(PythonField::kCount);

struct PythonFieldOffset {
  PythonField field = PythonField::kCount;  // kCount: an unused row
  uint32_t offset = 0;
};

struct PythonFieldOffsets {
  PythonFieldOffset rows[kPythonFields];
};

struct PythonVersionLayout {
  int major, minor;
  PythonFieldOffsets members;
  PythonFieldOffsets described;  // offset in _Py_DebugOffsets of the 64-bit word with the member's offset
};

// From this version on, _PyRuntime begins with _Py_DebugOffsets, and that with this text.
inline constexpr int kPythonSelfDescribingMinor = 13;
inline constexpr char kPythonDebugCookie[] = "xdebugpy";

// PyASCIIObject.state: `interned`, then kind:3, compact:1, ascii:1, one more flag, and padding that nobody clears.
struct PythonStringState {
  uint32_t kind = 0;  // bytes in a code point; 0: this is no string's state
  bool compact = false, ascii = false;
};

[[nodiscard]] constexpr PythonStringState python_string_state(uint32_t word, int minor) {
  // `interned` has 2 bits; from 3.14 on, some builds give it 8 or 16. Its values end at 3, so there the bits of the
  // narrow form would mean a kind that does not exist.
  constexpr int kFirstMinorWithWideForms = 14;
  constexpr int kWidths[] = {2, 8, 16};
  for (const int shift : kWidths) {
    if (shift != 2 && minor < kFirstMinorWithWideForms) break;
    const uint32_t rest = word >> shift;
    const PythonStringState s{rest & 7U, (rest & 8U) != 0, (rest & 16U) != 0};
    if (s.kind == 1 || (!s.ascii && (s.kind == 2 || s.kind == 4))) return s;
  }
  return {};
}

}  // namespace segwhy::wire
