#!/usr/bin/env python3
"""Makes src/pystate/offsets_table.inc from the headers of the CPython versions on this machine.

    tools/pyoffsets/generate.py                                        prints the blocks of the versions found
    tools/pyoffsets/generate.py --update src/pystate/offsets_table.inc  replaces those blocks there, keeps the others
    ... --debug-offsets 3.14=pycore_debug_offsets.h                     a version of which only that header is at hand

Versions are those of src/evidence/model/supported_versions.json. For each, a probe is compiled against the version's
own headers, internal ones included, and run; nothing of CPython is executed. Layouts move with minor versions only, so
one release of each minor stands for it; what is read in a process is validated anyway. Needs a C compiler.

From 3.13 on the interpreter describes itself in _Py_DebugOffsets, so the table says where in there to look, and gives
offsets only of what that leaves out.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import environments  # noqa: E402
import fields  # noqa: E402
from fields import FIELDS, Version  # noqa: E402

INTERNAL_HEADERS = {
    "pycore_pystate.h": (3, 8), "pycore_gil.h": (3, 8), "pycore_interp.h": (3, 9), "pycore_runtime.h": (3, 9),
    "pycore_frame.h": (3, 11), "pycore_code.h": (3, 11), "pycore_interpframe_structs.h": (3, 14),
}


@dataclass
class Layout:
    """Offsets of one version: of members, and of members of _Py_DebugOffsets that hold a member's offset."""

    version: Version
    source: str
    members: dict[str, int]
    described: dict[str, int]


def supported_versions() -> list[Version]:
    listed = json.loads((ROOT / "src/evidence/model/supported_versions.json").read_text())["cpython"]
    return [tuple(int(part) for part in text.split(".")) for text in listed]  # type: ignore[misc]


def include_folder(version: Version) -> tuple[Path, str] | None:
    """Where the headers of `version` are, with its full version; None when they are not on this machine."""
    interpreter = environments.find_python(f"{version[0]}.{version[1]}")
    if interpreter is None:
        return None
    ask = "import sysconfig, platform; print(sysconfig.get_path('include')); print(platform.python_version())"
    folder, full = subprocess.run([interpreter, "-c", ask], check=True, capture_output=True, text=True).stdout.split()
    return (Path(folder), full) if (Path(folder) / "internal").is_dir() else None


def _run_probe(version: Version, include: Path, prints: list[str]) -> dict[str, int]:
    headers = [name for name, first in INTERNAL_HEADERS.items()
               if version >= first and (include / "internal" / name).is_file()]
    text = (HERE / "probe.c.in").read_text()
    text = text.replace("@INCLUDES@", "\n".join(f'#include "{name}"' for name in headers))
    text = text.replace("@PRINTS@", "\n".join(prints))
    with tempfile.TemporaryDirectory() as scratch:
        source, program = Path(scratch) / "probe.c", Path(scratch) / "probe"
        source.write_text(text)
        # The headers' inline functions mention the library, which is not linked: they are unused, so sections go.
        command = [os.environ.get("CC", "cc"), "-w", "-O1", f"-I{include}", f"-I{include / 'internal'}", str(source),
                   "-ffunction-sections", "-Wl,--gc-sections", "-o", str(program)]
        subprocess.run(command, check=True)
        output = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return {name: int(value) for name, value in (line.split() for line in output.splitlines())}


def _print(name: str, expression: str) -> str:
    return f'  printf("{name} %zu\\n", (size_t)({expression}));'


def probe(version: Version, include: Path, full: str) -> Layout:
    described = version >= fields.SELF_DESCRIBING
    members, debug = [], []
    for f in FIELDS:
        expression = f.expression(version)
        if described and f.debug:
            debug.append(_print(f.name, f"offsetof(_Py_DebugOffsets, {f.debug})"))
        elif expression:
            members.append(_print(f.name, expression))
    return Layout(version, f"headers of {full}", _run_probe(version, include, members),
                  _run_probe(version, include, debug) if debug else {})


def debug_members(header: str) -> dict[str, int]:
    """Offsets of the members of _Py_DebugOffsets by their dotted names: every member is 8 bytes, none is padded."""
    body = re.search(r"typedef struct _\w+_DebugOffsets \{(.*?)\n\} _\w+_DebugOffsets;", header, re.DOTALL)
    if body is None:
        raise SystemExit("no struct _Py_DebugOffsets in that header")
    offsets: dict[str, int] = {}
    at, inside = 0, []
    for line in body.group(1).splitlines():
        if re.match(r"\s*struct \w+ ?\{", line):
            inside = []
        elif closed := re.match(r"\s*\} (\w+);", line):
            offsets |= {f"{closed.group(1)}.{name}": where for name, where in inside}
        elif member := re.match(r"\s*(?:uint64_t (\w+)|char cookie\[8\]).*;", line):
            inside.append((member.group(1) or "cookie", at))
            at += 8
    return offsets


def from_debug_header(version: Version, header: Path) -> Layout:
    members = debug_members(header.read_text())
    described = {f.name: members[f.debug] for f in FIELDS if f.debug}
    return Layout(version, "pycore_debug_offsets.h and code.h of its branch", fields.BY_HAND[version], described)


def _rows(offsets: dict[str, int]) -> str:
    order = {f.name: i for i, f in enumerate(FIELDS)}
    rows = (f"      {{Field::k{name}, {offsets[name]}}}," for name in sorted(offsets, key=order.__getitem__))
    return "".join(row + "\n" for row in rows)


def block(layout: Layout) -> str:
    major, minor = layout.version
    described = f"{{{{\n{_rows(layout.described)}  }}}}" if layout.described else "{}"
    return (f"// --- {major}.{minor}: {layout.source}\n{{\n  {major}, {minor},\n  {{{{\n{_rows(layout.members)}  }}}},\n"
            f"  {described},\n}},\n")


def split_blocks(text: str) -> dict[Version, str]:
    parts = re.split(r"(?m)^(?=// --- \d+\.\d+: )", text)
    return {tuple(map(int, re.match(r"// --- (\d+)\.(\d+)", part).groups())): part for part in parts[1:]}


HEAD = """// Layouts of CPython's structures by version, for layout.cc. Made by tools/pyoffsets/generate.py: do not edit.
// Each entry: version; offsets of members, in bytes; where in _Py_DebugOffsets the other members' offsets are.
// clang-format off
"""


def generate(debug_headers: dict[Version, Path]) -> dict[Version, str]:
    """The blocks of all supported versions of which headers are at hand."""
    blocks = {}
    for version in supported_versions():
        if version in debug_headers:
            blocks[version] = block(from_debug_header(version, debug_headers[version]))
        elif found := include_folder(version):
            blocks[version] = block(probe(version, *found))
    return blocks


def _debug_header(text: str) -> tuple[Version, Path]:
    version, path = text.split("=", 1)
    major, minor = version.split(".")
    return (int(major), int(minor)), Path(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", type=Path, metavar="FILE")
    parser.add_argument("--debug-offsets", type=_debug_header, action="append", default=[], metavar="X.Y=HEADER")
    options = parser.parse_args()
    blocks = generate(dict(options.debug_offsets))
    if options.update and options.update.exists():
        blocks = split_blocks(options.update.read_text()) | blocks
    text = HEAD + "".join(blocks[version] for version in sorted(blocks))
    if options.update:
        options.update.write_text(text)
    else:
        sys.stdout.write(text)
    missing = [f"{v[0]}.{v[1]}" for v in supported_versions() if v not in blocks]
    if missing:
        print("no headers here, and no block yet, for: " + ", ".join(missing), file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
