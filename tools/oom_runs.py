#!/usr/bin/env python3
"""Runs programs out of memory in several ways, each a number of times, and counts Segwhy's right verdicts.

    tools/oom_runs.py [--runs N] [--segwhy COMMAND] [--python PYTHON] [KIND...]

Kinds: cgroup (the kernel kills at a cgroup's limit), address-space (RLIMIT_AS, MemoryError), data (RLIMIT_DATA), child (a
child is killed at the limit), killed (kill -9 of a program that is close to its limit: not out of memory) and sibling (kill -9
after the kernel has killed a child). cgroup, child, killed and sibling need a memory cgroup that may be written to.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 192 << 20
TIMEOUT_S = 120

ENTER = """
import os, time
with open(os.path.join(os.environ["OOM_CGROUP"], "cgroup.procs"), "w") as procs:
    procs.write(str(os.getpid()))
"""
FILL = """
held = []
while True:
    held.append(bytearray(os.urandom(1 << 10) * 1024))
    time.sleep(0.004)
"""
PROGRAMS = {
    "cgroup": ENTER + FILL,
    "address-space": "import os, resource, time\nresource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n" + FILL,
    "data": "import os, resource, time\nresource.setrlimit(resource.RLIMIT_DATA, (1 << 28, 1 << 28))\n" + FILL,
    "child": ENTER
    + "import sys\npid = os.fork()\nif pid == 0:\n    held = []\n    while True:\n        held.append(bytearray(os.urandom(1 << 10) * 1024))\n"
    + "        time.sleep(0.004)\nsys.exit(1 if os.waitpid(pid, 0)[1] else 0)\n",
    "killed": ENTER
    + "held = [bytearray(os.urandom(1 << 10) * 1024) for _ in range(165)]\ntime.sleep(0.3)\n"
    + "import subprocess\nsubprocess.run(['sh', '-c', 'kill -9 ' + str(os.getpid())])\ntime.sleep(60)\n",
    "sibling": ENTER
    + "pid = os.fork()\nif pid == 0:\n    held = []\n    while True:\n        held.append(bytearray(os.urandom(1 << 10) * 1024))\n"
    + "os.waitpid(pid, 0)\ntime.sleep(0.3)\nimport subprocess\nsubprocess.run(['sh', '-c', 'kill -9 ' + str(os.getpid())])\ntime.sleep(60)\n",
}
EXPECTED = {
    "cgroup": ("out-of-memory", "held.append"),
    "address-space": ("allocation-failed", "held.append"),
    "data": ("allocation-failed", "held.append"),
    "child": ("out-of-memory", "held.append"),
    "killed": ("killed", ""),
    "sibling": ("killed", ""),
}
NEEDS_CGROUP = {"cgroup", "child", "killed", "sibling"}


class Cgroup:
    """A memory cgroup with LIMIT and without swap, version 2 or 1. OSError where none can be made."""

    def __init__(self) -> None:
        root = Path("/sys/fs/cgroup")
        self.unified = (root / "cgroup.controllers").exists()
        self.path = (root if self.unified else root / "memory") / f"segwhy-oom-{os.getpid()}-{time.monotonic_ns()}"
        self.path.mkdir()
        try:
            (self.path / ("memory.max" if self.unified else "memory.limit_in_bytes")).write_text(str(LIMIT))
            if self.unified and (self.path / "memory.swap.max").exists():
                (self.path / "memory.swap.max").write_text("0")
        except OSError:
            self.path.rmdir()
            raise

    def remove(self) -> None:
        for _ in range(100):  # the last member may still be on its way out
            try:
                return self.path.rmdir()
            except OSError:
                time.sleep(0.05)


def run_once(kind: str, segwhy: str, python: str) -> tuple[bool, str]:
    """Whether class and, where one is at fault, line are right; and what was said."""
    cgroup = Cgroup() if kind in NEEDS_CGROUP else None
    try:
        with tempfile.TemporaryDirectory() as folder:
            script, report = Path(folder) / "program.py", Path(folder) / "incident.json"
            script.write_text(PROGRAMS[kind])
            env = {**os.environ, **({"OOM_CGROUP": str(cgroup.path)} if cgroup else {})}
            command = [segwhy, "mem", "--json", str(report), "--", python, str(script)]
            seen = subprocess.run(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S)
            if not report.exists():
                return False, f"no report; exit {seen.returncode}: {seen.stderr[-300:]}"
            incident = json.loads(report.read_text())
    finally:
        if cgroup:
            cgroup.remove()
    wanted, source = EXPECTED[kind]
    verdict = incident["verdict"]
    right = verdict["class"] == wanted and source in incident.get("where", {}).get("source", "")
    return right, f"{verdict['class']} ({verdict['confidence']}): {verdict['summary']} {incident.get('where')}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", default=list(PROGRAMS))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--segwhy", default=os.environ.get("SEGWHY") or shutil.which("segwhy") or str(ROOT / ".venv/bin/segwhy"))
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args()
    wrong = 0
    for kind in options.kinds or list(PROGRAMS):
        results = [run_once(kind, options.segwhy, options.python) for _ in range(options.runs)]
        right = sum(good for good, _ in results)
        wrong += options.runs - right
        print(f"{kind}: {right} of {options.runs} right", flush=True)
        for good, said in results:
            if not good:
                print(f"  wrong: {said}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
