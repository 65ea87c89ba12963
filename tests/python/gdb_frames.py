"""Run inside gdb: writes the selected inferior's current stack as JSON to $GDB_FRAMES."""

import json
import os

import gdb

KINDS = {
    gdb.NORMAL_FRAME: "normal",
    gdb.INLINE_FRAME: "inline",
    gdb.TAILCALL_FRAME: "tailcall",
    gdb.SIGTRAMP_FRAME: "signal",
}


def symbol_start(pc):
    """Distance of pc from the start of its symbol in the symbol table; None when gdb knows none."""
    text = gdb.execute(f"info symbol {pc:#x}", to_string=True)
    if text.startswith("No symbol"):
        return None
    words = text.split(" in section ")[0].rsplit(" + ", 1)
    return int(words[1]) if len(words) == 2 and words[1].isdigit() else 0


def describe(frame, called):
    place = frame.find_sal()
    pc = frame.pc()
    return {
        "pc": pc,
        "kind": KINDS.get(frame.type(), "other"),
        "function": frame.name(),
        "offset": symbol_start(pc - 1 if called else pc),
        "file": place.symtab.filename if place.symtab else None,
        "line": place.line if place.symtab else 0,
        "module": gdb.solib_name(pc),
    }


def stack():
    frames = []
    called = False
    frame = gdb.newest_frame()
    while frame is not None and frame.is_valid():
        frames.append(describe(frame, called))
        # An inlined frame is at the same place as the one it is inlined into.
        if frame.type() != gdb.INLINE_FRAME:
            called = frame.type() != gdb.SIGTRAMP_FRAME
        frame = frame.older()
    return frames


with open(os.environ["GDB_FRAMES"], "w") as out:
    json.dump(stack(), out)
