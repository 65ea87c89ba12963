#!/usr/bin/env python3
"""Which tool finds which memory error: the same programs under each, side by side.

usage: detection.py [--sizes N,N,...] [--tools NAME,NAME,...] [--only ERROR,ERROR,...] [--list]

The programs are bench/detection_probe.c in all its variants: the error, the block's size, how it was allocated, what
touches it, and the thread. Every variant is built from the same source, without sanitizers: the tools see a finished
program, as users have it.

A tool has found an error when it says so in its own words, or when it ends a program that plainly goes on (Electric
Fence says nothing). Segwhy's finds are told apart by whether the verdict names the block and the right distance.
Errors that end the program plainly as well are counted like all others. A report on a good program is a false one.

Printed: a table of found / tried by error and tool, then by size, and every false report and every miss of Segwhy's.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))
from case_runner import segwhy_command  # noqa: E402

TIMEOUT_S = 120
SIZES = (8, 24, 100, 1000, 4096, 65536, 1 << 20, 64 << 20)
THROUGH = ("direct", "libc", "kernel")
ACCESSES = ("overread", "overwrite", "underread", "underwrite", "read-freed", "write-freed")
OTHERS = ("free-twice", "free-inside", "uninitialised")
ERRORS = ("good", *ACCESSES, *OTHERS)

# The verdicts that name each error; a write behind a block can end as the C library's own complaint.
VERDICTS = {
    "overread": {"out-of-bounds-read"},
    "overwrite": {"out-of-bounds-write"},
    "underread": {"out-of-bounds-read"},
    "underwrite": {"out-of-bounds-write"},
    "read-freed": {"use-after-free"},
    "write-freed": {"use-after-free"},
    "free-twice": {"double-free"},
    "free-inside": {"invalid-free"},
    "uninitialised": {"uninitialised-read"},
}


@dataclass(frozen=True)
class Probe:
    error: str
    size: int
    allocator: str
    through: str
    thread: str

    def argv(self, program: Path) -> list[str]:
        return [str(program), self.error, str(self.size), self.allocator, self.through, self.thread]


@dataclass
class Found:
    """What a tool said of one probe."""

    found: bool
    right_block: bool | None = None  # Segwhy's alone
    words: str = ""


def probes(sizes: tuple[int, ...], errors: tuple[str, ...]) -> list[Probe]:
    """Every variant that means something: only accesses differ by what touches the block."""
    out = []
    for error, size, allocator, thread in itertools.product(errors, sizes, ("malloc", "aligned"), ("main", "pool")):
        for through in THROUGH if error in ACCESSES or error == "good" else ("direct",):
            out.append(Probe(error, size, allocator, through, thread))
    return out


def run(argv: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess:
    env = {**os.environ, "MALLOC_CHECK_": "", "LD_PRELOAD": "", **variables}
    env = {name: value for name, value in env.items() if value}
    return subprocess.run(argv, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S)


def distance_is_right(incident: dict, probe: Probe) -> bool:
    """The block's size as requested, and the wrong access at the block's end or start, or inside a freed one."""
    block = incident.get("block") or {}
    if block.get("size") != probe.size:
        return False
    return "allocated" in block and (probe.error not in ("read-freed", "write-freed", "free-twice") or "freed" in block)


def segwhy(mode: str):
    def look(probe: Probe, program: Path, folder: Path, plain: subprocess.CompletedProcess) -> Found:
        report = folder / "incident.json"
        report.unlink(missing_ok=True)
        command = [str(segwhy_command()), "run", "--protect", mode, "--json", str(report), "--case", str(folder / "a.case")]
        run([*command, "--", *probe.argv(program)], folder)
        incident = json.loads(report.read_text())
        verdict = incident["verdict"]
        if probe.error == "good":
            return Found(verdict["class"] != "ok", words=verdict["summary"])
        found = verdict["class"] in VERDICTS[probe.error]
        return Found(found, found and distance_is_right(incident, probe), f"{verdict['class']}: {verdict['summary']}")

    return look


def memcheck(probe: Probe, program: Path, folder: Path, plain: subprocess.CompletedProcess) -> Found:
    result = run(["valgrind", "-q", "--error-exitcode=99", *probe.argv(program)], folder)
    return Found(result.returncode == 99 or b"Invalid" in result.stderr)


def ends_differently(result: subprocess.CompletedProcess, plain: subprocess.CompletedProcess) -> bool:
    return result.returncode < 0 or result.stdout != plain.stdout


def electric_fence(probe: Probe, program: Path, folder: Path, plain: subprocess.CompletedProcess) -> Found:
    return Found(ends_differently(run(probe.argv(program), folder, LD_PRELOAD="libefence.so.0", EF_ALIGNMENT="8"), plain))


def malloc_check(probe: Probe, program: Path, folder: Path, plain: subprocess.CompletedProcess) -> Found:
    result = run(probe.argv(program), folder, LD_PRELOAD="libc_malloc_debug.so.0", MALLOC_CHECK_="3")
    return Found(ends_differently(result, plain))


def address_sanitizer(probe: Probe, program: Path, folder: Path, plain: subprocess.CompletedProcess) -> Found:
    library = subprocess.run(["cc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True).stdout.strip()
    result = run(probe.argv(program), folder, LD_PRELOAD=library, ASAN_OPTIONS="detect_leaks=0")
    return Found(b"ERROR: AddressSanitizer" in result.stderr)


TOOLS = {
    "tensors": segwhy("tensors"),
    "all": segwhy("all"),
    "exact": segwhy("exact"),
    "memcheck": memcheck,
    "efence": electric_fence,
    "check3": malloc_check,
    "asan": address_sanitizer,
}
SEGWHY = ("tensors", "all", "exact")


def missing_tools() -> dict[str, str]:
    """Why a tool cannot take part on this machine."""
    missing = {}
    if not shutil.which("valgrind"):
        missing["memcheck"] = "valgrind is not installed"
    if not list(Path("/usr/lib").glob("*/libefence.so.0")) and not list(Path("/usr/lib").glob("libefence.so.0")):
        missing["efence"] = "electric-fence is not installed"
    if not list(Path("/lib").glob("*/libc_malloc_debug.so.0")):
        missing["check3"] = "this C library has no libc_malloc_debug"
    return missing


@dataclass
class Table:
    """Counts by row and tool."""

    found: Counter = field(default_factory=Counter)
    tried: Counter = field(default_factory=Counter)
    right: Counter = field(default_factory=Counter)

    def add(self, row: str, tool: str, found: Found) -> None:
        self.tried[row, tool] += 1
        self.found[row, tool] += found.found
        self.right[row, tool] += bool(found.right_block)

    def print(self, title: str, rows: list[str], tools: list[str]) -> None:
        print(f"\n{title:16}" + "".join(f"{tool:>14}" for tool in tools))
        for row in rows:
            cells = []
            for tool in tools:
                text = f"{self.found[row, tool]}/{self.tried[row, tool]}"
                if tool in SEGWHY and row != "good":
                    text += f" ({self.right[row, tool]})"
                cells.append(f"{text:>14}")
            print(f"{row:16}" + "".join(cells))
        print("(in brackets: with the right block and its stacks)" if any(t in SEGWHY for t in tools) else "")


def build(folder: Path) -> Path:
    program = folder / "detection_probe"
    source = HERE / "detection_probe.c"
    # The compiler must not see through the errors, and memcpy must be libc's.
    options = ["-g", "-O1", "-fno-builtin", "-w", "-pthread"]
    subprocess.run(["cc", *options, "-o", str(program), str(source)], check=True)
    return program


def measure(chosen: list[Probe], tools: list[str], folder: Path) -> None:
    program = build(folder)
    by_error, by_size, remarks = Table(), Table(), []
    for probe in chosen:
        plain = run(probe.argv(program), folder)
        for tool in tools:
            found = TOOLS[tool](probe, program, folder, plain)
            by_error.add(probe.error, tool, found)
            if probe.error != "good":
                by_size.add(str(probe.size), tool, found)
            if found.found == (probe.error == "good") and tool in SEGWHY:
                kind = "FALSE" if probe.error == "good" else "missed"
                remarks.append(f"{kind} {tool}: {' '.join(probe.argv(program)[1:])}: {found.words}")
            elif found.found and found.right_block is False and tool in SEGWHY and probe.error != "good":
                remarks.append(f"block? {tool}: {' '.join(probe.argv(program)[1:])}: {found.words}")
    by_error.print("error", [e for e in ERRORS if any(p.error == e for p in chosen)], tools)
    by_size.print("size", sorted({str(p.size) for p in chosen}, key=int), tools)
    print("\n".join(["", *remarks]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--only", default=",".join(ERRORS))
    parser.add_argument("--list", action="store_true", help="print the probes and stop")
    arguments = parser.parse_args()
    sizes = tuple(int(size) for size in arguments.sizes.split(","))
    chosen = probes(sizes, tuple(arguments.only.split(",")))
    if arguments.list:
        print("\n".join(" ".join(probe.argv(Path("detection_probe"))) for probe in chosen))
        return
    missing = missing_tools()
    tools = [tool for tool in arguments.tools.split(",") if tool not in missing]
    for tool, reason in missing.items():
        print(f"{tool} is left out: {reason}")
    with tempfile.TemporaryDirectory() as folder:
        measure(chosen, tools, Path(folder))


if __name__ == "__main__":
    main()
