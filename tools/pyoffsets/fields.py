"""What the reader of interpreter state needs to know of CPython's structures, and where each version keeps it.

A field's expressions are C, evaluated against the headers of the version probed; the first whose version range fits
is used. A field without one for a version does not exist there. Names are those of enum PythonField in src/evidence/wire/python_layout.h.
"""

from __future__ import annotations

from dataclasses import dataclass

Version = tuple[int, int]
OLDEST: Version = (3, 8)
NEWEST: Version = (3, 14)
# From here on the interpreter describes itself: _Py_DebugOffsets at the start of _PyRuntime.
SELF_DESCRIBING: Version = (3, 13)


@dataclass(frozen=True)
class Expression:
    """`text` holds for the versions `first` to `last`, both included."""

    text: str
    first: Version = OLDEST
    last: Version = NEWEST


@dataclass(frozen=True)
class Field:
    name: str
    expressions: tuple[Expression, ...]
    # The member of _Py_DebugOffsets that holds it in self-describing versions; "" when they leave it out.
    debug: str = ""

    def expression(self, version: Version) -> str | None:
        for e in self.expressions:
            if e.first <= version <= e.last:
                return e.text
        return None


def offset(struct: str, member: str, first: Version = OLDEST, last: Version = NEWEST) -> Expression:
    return Expression(f"offsetof({struct}, {member})", first, last)


def _field(name: str, *expressions: Expression, debug: str = "") -> Field:
    return Field(name, expressions, debug)


_FRAME_OBJECT = "PyFrameObject"
_FRAME = "_PyInterpreterFrame"
_CONTAINERS: Version = (3, 13)  # the newest version whose containers are read

FIELDS: tuple[Field, ...] = (
    _field("RuntimeInterpretersHead", offset("_PyRuntimeState", "interpreters.head"),
           debug="runtime_state.interpreters_head"),
    _field("RuntimeFinalizing", offset("_PyRuntimeState", "finalizing", last=(3, 8)),
           offset("_PyRuntimeState", "_finalizing"), debug="runtime_state.finalizing"),
    _field("RuntimeGil", offset("_PyRuntimeState", "ceval.gil", last=(3, 11))),
    _field("InterpreterId", offset("PyInterpreterState", "id"), debug="interpreter_state.id"),
    _field("InterpreterNext", offset("PyInterpreterState", "next"), debug="interpreter_state.next"),
    _field("InterpreterThreadsHead", offset("PyInterpreterState", "tstate_head", last=(3, 10)),
           offset("PyInterpreterState", "threads.head"), debug="interpreter_state.threads_head"),
    _field("InterpreterGil", offset("PyInterpreterState", "ceval.gil", first=(3, 12)),
           debug="interpreter_state.ceval_gil"),
    _field("GilLocked", offset("struct _gil_runtime_state", "locked"), debug="interpreter_state.gil_runtime_state_locked"),
    _field("GilLastHolder", offset("struct _gil_runtime_state", "last_holder"),
           debug="interpreter_state.gil_runtime_state_holder"),
    # _Py_DebugOffsets counts the two above from the interpreter's state; this is what to take off.
    _field("InterpreterOwnGil", offset("PyInterpreterState", "_gil", first=(3, 12)),
           debug="interpreter_state.gil_runtime_state"),
    _field("ThreadNext", offset("PyThreadState", "next"), debug="thread_state.next"),
    _field("ThreadInterpreter", offset("PyThreadState", "interp"), debug="thread_state.interp"),
    _field("ThreadFrame", offset("PyThreadState", "frame", last=(3, 10)),
           offset("PyThreadState", "cframe", last=(3, 12)), offset("PyThreadState", "current_frame"),
           debug="thread_state.current_frame"),
    _field("ThreadPthread", offset("PyThreadState", "thread_id"), debug="thread_state.thread_id"),
    _field("ThreadNativeId", offset("PyThreadState", "native_thread_id", first=(3, 11)),
           debug="thread_state.native_thread_id"),
    _field("CframeCurrentFrame", offset("_PyCFrame", "current_frame", first=(3, 11), last=(3, 12))),
    _field("FrameBack", offset(_FRAME_OBJECT, "f_back", last=(3, 10)), offset(_FRAME, "previous"),
           debug="interpreter_frame.previous"),
    _field("FrameCode", offset(_FRAME_OBJECT, "f_code", last=(3, 10)), offset(_FRAME, "f_code", last=(3, 12)),
           offset(_FRAME, "f_executable"), debug="interpreter_frame.executable"),
    _field("FrameInstruction", offset(_FRAME_OBJECT, "f_lasti", last=(3, 10)),
           offset(_FRAME, "prev_instr", last=(3, 12)), offset(_FRAME, "instr_ptr"), debug="interpreter_frame.instr_ptr"),
    _field("FrameIsEntry", offset(_FRAME, "is_entry", first=(3, 11), last=(3, 11))),
    _field("FrameOwner", offset(_FRAME, "owner", first=(3, 11)), debug="interpreter_frame.owner"),
    _field("CodeFilename", offset("PyCodeObject", "co_filename"), debug="code_object.filename"),
    _field("CodeName", offset("PyCodeObject", "co_name"), debug="code_object.name"),
    _field("CodeQualname", offset("PyCodeObject", "co_qualname", first=(3, 11)), debug="code_object.qualname"),
    _field("CodeLineTable", offset("PyCodeObject", "co_lnotab", last=(3, 9)), offset("PyCodeObject", "co_linetable"),
           debug="code_object.linetable"),
    _field("CodeFirstLine", offset("PyCodeObject", "co_firstlineno"), debug="code_object.firstlineno"),
    _field("CodeConstants", offset("PyCodeObject", "co_consts")),
    _field("CodeInstructions", offset("PyCodeObject", "co_code_adaptive", first=(3, 11)),
           debug="code_object.co_code_adaptive"),
    _field("CodeFirstTraceable", offset("PyCodeObject", "_co_firsttraceable", first=(3, 11))),
    _field("ObjectType", offset("PyObject", "ob_type"), debug="pyobject.ob_type"),
    _field("TypeName", offset("PyTypeObject", "tp_name"), debug="type_object.tp_name"),
    _field("TypeFlags", offset("PyTypeObject", "tp_flags"), debug="type_object.tp_flags"),
    _field("TupleSize", offset("PyTupleObject", "ob_base.ob_size"), debug="tuple_object.ob_size"),
    _field("TupleItems", offset("PyTupleObject", "ob_item"), debug="tuple_object.ob_item"),
    _field("BytesSize", offset("PyBytesObject", "ob_base.ob_size"), debug="bytes_object.ob_size"),
    _field("BytesData", offset("PyBytesObject", "ob_sval"), debug="bytes_object.ob_sval"),
    _field("StringLength", offset("PyASCIIObject", "length"), debug="unicode_object.length"),
    _field("StringState", offset("PyASCIIObject", "state"), debug="unicode_object.state"),
    _field("StringAsciiData", Expression("sizeof(PyASCIIObject)"), debug="unicode_object.asciiobject_size"),
    _field("StringCompactData", Expression("sizeof(PyCompactUnicodeObject)")),
    # Containers, for what a program's variables hold. From headers only: 3.14 keeps a frame's variables in another form.
    _field("FrameGlobals", offset(_FRAME_OBJECT, "f_globals", last=(3, 10)), offset(_FRAME, "f_globals", last=_CONTAINERS)),
    _field("FrameLocals", offset(_FRAME_OBJECT, "f_localsplus", last=(3, 10)),
           offset(_FRAME, "localsplus", last=_CONTAINERS)),
    _field("CodeLocalNames", offset("PyCodeObject", "co_varnames", last=(3, 10)),
           offset("PyCodeObject", "co_localsplusnames", last=_CONTAINERS)),
    _field("ListSize", offset("PyListObject", "ob_base.ob_size", last=_CONTAINERS)),
    _field("ListItems", offset("PyListObject", "ob_item", last=_CONTAINERS)),
    _field("ListAllocated", offset("PyListObject", "allocated", last=_CONTAINERS)),
    _field("DictUsed", offset("PyDictObject", "ma_used", last=_CONTAINERS)),
    _field("DictKeys", offset("PyDictObject", "ma_keys", last=_CONTAINERS)),
    _field("DictValues", offset("PyDictObject", "ma_values", last=_CONTAINERS)),
    _field("SetUsed", offset("PySetObject", "used", last=_CONTAINERS)),
    _field("SetMask", offset("PySetObject", "mask", last=_CONTAINERS)),
    _field("SetTable", offset("PySetObject", "table", last=_CONTAINERS)),
    _field("CellContents", offset("PyCellObject", "ob_ref", last=_CONTAINERS)),
    _field("FunctionClosure", offset("PyFunctionObject", "func_closure", last=_CONTAINERS)),
    _field("BytearrayAllocated", offset("PyByteArrayObject", "ob_alloc", last=_CONTAINERS)),
    _field("TypeBasicSize", offset("PyTypeObject", "tp_basicsize", last=_CONTAINERS)),
    _field("TypeDictOffset", offset("PyTypeObject", "tp_dictoffset", last=_CONTAINERS)),
    _field("TypeCachedKeys", offset("PyHeapTypeObject", "ht_cached_keys", last=_CONTAINERS)),
)

# Members that a self-describing version leaves out and whose headers are not installed wherever the table is made:
# worked out by hand, with where from.
BY_HAND: dict[Version, dict[str, int]] = {
    (3, 14): {
        # Include/cpython/code.h: co_consts is the first member after PyObject_VAR_HEAD.
        "CodeConstants": 24,
        # Same: int _co_firsttraceable; void *co_extra; char co_code_adaptive[]: 16 bytes before the instructions (208).
        "CodeFirstTraceable": 192,
        # Include/cpython/unicodeobject.h: PyASCIIObject (40), Py_ssize_t utf8_length, char *utf8.
        "StringCompactData": 56,
    },
}
