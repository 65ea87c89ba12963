#!/usr/bin/env python3
"""What Segwhy says of a public corpus of small C and C++ programs, good and bad: NIST's Juliet test suite for C/C++.

usage: corpus.py FOLDER [--modes NAME,...] [--flows NN,...] [--only TEXT ...] [--jobs N] [--out FILE] [--memcheck]

FOLDER holds `testcases` and `testcasesupport` of Juliet 1.3. Each case is built twice, with its good functions alone and
with its bad one alone (cc -g), and run plainly and under each mode (tensors, all, exact).

Of a good program any report is a false one, and so is another exit status or output. Of a bad one is counted: a report
with an error's name, and one with the name that the case is about. Cases that wait for a network or are for Windows are
left out. --flows picks Juliet's data flow variants (01: the plain one), --only those whose names contain a text.
--memcheck counts Valgrind's errors beside it. --out has a line of JSON for each run. Status 1: a false report.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
from case_runner import segwhy_command  # noqa: E402

TIMEOUT_S = 60
PART = re.compile(r"^(?P<case>.*_(?P<flow>\d\d))(?:[a-e]|_bad|_good\w*)?\.(?:c|cpp)$")
LEFT_OUT = ("socket", "Socket", "w32", "_console_", "fscanf", "fgets")
INPUT = b"10\n" * 4

_BOUNDS = {"out-of-bounds-read", "out-of-bounds-write", "heap-corruption"}
# The classes that name what a case is about.
CLASSES = {
    "CWE121": _BOUNDS | {"abort", "wild-pointer"},
    "CWE122": _BOUNDS,
    "CWE124": _BOUNDS,
    "CWE126": _BOUNDS,
    "CWE127": _BOUNDS,
    "CWE369": {"divide-by-zero"},
    "CWE415": {"double-free"},
    "CWE416": {"use-after-free"},
    "CWE457": {"uninitialised-read"},
    "CWE476": {"null-pointer"},
    "CWE590": {"invalid-free"},
    "CWE617": {"assertion"},
    "CWE674": {"stack-overflow"},
    "CWE690": {"null-pointer"},
    "CWE761": {"invalid-free"},
    "CWE762": {"allocator-mismatch", "invalid-free"},
}


@dataclass(frozen=True)
class Case:
    name: str
    sources: tuple[Path, ...]

    @property
    def weakness(self) -> str:
        """ "CWE122 heap", "CWE124 stack": where the memory lies decides what a heap can see."""
        cwe = self.name.split("_")[0]
        if cwe not in ("CWE121", "CWE122", "CWE124", "CWE126", "CWE127"):
            return cwe
        on_heap = cwe == "CWE122" or re.search("malloc|new|calloc", self.name)
        return f"{cwe} {'heap' if on_heap else 'stack'}"


def cases(folder: Path, flows: set[str], only: list[str]) -> list[Case]:
    parts: dict[str, list[Path]] = defaultdict(list)
    for source in sorted((folder / "testcases").rglob("*.c*")):
        match = PART.match(source.name)
        wanted = match and match["flow"] in flows and not any(word in source.name for word in LEFT_OUT)
        if wanted and source.name.split("_")[0] in CLASSES and (not only or any(text in source.name for text in only)):
            parts[match["case"]].append(source)
    return [Case(name, tuple(sources)) for name, sources in sorted(parts.items())]


def build(case: Case, kind: str, support: Path, folder: Path) -> Path | None:
    compiler = "c++" if any(source.suffix == ".cpp" for source in case.sources) else "cc"
    omitted = "-DOMITBAD" if kind == "good" else "-DOMITGOOD"
    program = folder / kind
    words = [compiler, "-g", "-w", "-pthread", "-DINCLUDEMAIN", omitted, "-I", str(support), "-o", str(program)]
    made = subprocess.run([*words, *map(str, case.sources), str(support / "io.o"), str(support / "thread.o"), "-lm"], capture_output=True)
    return program if made.returncode == 0 else None


def run(argv: list[str], folder: Path) -> tuple[int | str, bytes]:
    try:
        done = subprocess.run(argv, cwd=folder, input=INPUT, capture_output=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return "hung", b""
    return done.returncode, done.stdout


def look(mode: str, program: Path, folder: Path) -> dict:
    report = folder / f"{mode}.json"
    words = [str(segwhy_command()), "run", "--protect", mode, "--json", str(report), "--case", str(folder / "a.case")]
    status, output = run([*words, "--", str(program)], folder)
    verdict = json.loads(report.read_text())["verdict"] if report.exists() else {"class": "no report", "summary": ""}
    return {"status": status, "output": output, "class": verdict["class"], "summary": verdict["summary"]}


def memcheck(program: Path, folder: Path) -> dict:
    status, output = run(["valgrind", "-q", "--error-exitcode=99", str(program)], folder)
    return {"status": status, "output": output, "class": "error" if status == 99 else "ok", "summary": ""}


def judge(case: Case, support: Path, modes: list[str], with_memcheck: bool) -> list[dict]:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in ("good", "bad"):
            program = build(case, kind, support, folder)
            if program is None:
                continue
            status, output = run([str(program)], folder)
            told = {mode: look(mode, program, folder) for mode in modes}
            if with_memcheck:
                told["memcheck"] = memcheck(program, folder)
            for mode, seen in told.items():
                same = seen.pop("output") == output and seen["status"] == status
                rows.append({"case": case.name, "weakness": case.weakness, "kind": kind, "mode": mode, "plain": status, "same": same, **seen})
    return rows


def table(rows: list[dict]) -> bool:
    """Prints it; whether no good program was reported or changed."""
    clean = True
    counts: dict[tuple[str, str], Counter] = defaultdict(Counter)
    for row in rows:
        count = counts[row["weakness"], row["mode"]]
        reported = row["class"] not in ("ok", "killed")
        if row["kind"] == "good":
            count["good"] += 1
            wrong = reported or not (row["same"] or row["mode"] == "memcheck")
            count["false"] += wrong
            if wrong and row["mode"] != "memcheck":
                clean = False
                print(f"good, but {row['mode']}: {row['case']}: {row['class']}, status {row['status']} (plainly {row['plain']}): {row['summary']}")
            continue
        count["bad"] += 1
        count["dies"] += row["plain"] not in (0, "hung")
        count["told"] += reported
        count["named"] += row["class"] in CLASSES[row["case"].split("_")[0]]
    print(f"{'weakness':14}{'mode':10}{'bad':>6}{'die':>6}{'told':>6}{'named':>7}{'good':>7}{'false':>7}")
    for (weakness, mode), count in sorted(counts.items()):
        figures = (count[key] for key in ("bad", "dies", "told", "named", "good", "false"))
        print(f"{weakness:14}{mode:10}" + "".join(f"{figure:>{width}}" for figure, width in zip(figures, (6, 6, 6, 7, 7, 7))))
    return clean


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--modes", default="tensors,all,exact")
    parser.add_argument("--flows", default="01")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--memcheck", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found = cases(options.folder, set(options.flows.split(",")), options.only)
    if not found:
        parser.error(f"no case of Juliet's in {options.folder}/testcases is chosen")
    modes = [mode for mode in options.modes.split(",") if mode]
    rows: list[dict] = []
    with tempfile.TemporaryDirectory() as name:
        support = Path(name)
        original = options.folder / "testcasesupport"
        for header in original.glob("*.h"):
            (support / header.name).write_bytes(header.read_bytes())
        for source, made in (("io.c", "io.o"), ("std_thread.c", "thread.o")):
            subprocess.run(["cc", "-g", "-w", "-c", str(original / source), "-o", str(support / made)], check=True)
        with ThreadPoolExecutor(options.jobs) as pool:
            for judged in pool.map(lambda case: judge(case, support, modes, options.memcheck), found):
                rows += judged
    if options.out:
        options.out.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return 0 if table(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
