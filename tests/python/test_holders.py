"""Who holds what grows: named by `segwhy mem` from outside, in every version of Python whose containers can be read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from segwhy_command import segwhy_or_skip

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 120
VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")

sys.path.insert(0, str(ROOT / "tools"))
from environments import find_python  # noqa: E402

# An attribute of a local object keeps it; numbers are kept in step with it, which hold nothing.
ATTRIBUTE = """
import time

class Trainer:
    def __init__(self):
        self.cache = {}
        self.losses = []

    def step(self, number):
        self.cache[number] = bytearray(100_000)
        self.losses.append(float(number))

def main():
    trainer = Trainer()
    for number in range(200):
        trainer.step(number)
        time.sleep(0.005)

main()
"""
LOCAL = """
import time

def batch(number):
    return [0.5 + number] * 12_000

def main():
    history, seen = [], set()
    for number in range(200):
        history.append(batch(number))
        seen.add(number)
        time.sleep(0.005)

main()
"""
# Native code forgot a reference: the containers that grow in step hold none of it.
NOBODY = """
import ctypes
import time

incref = ctypes.pythonapi.Py_IncRef
incref.argtypes = [ctypes.py_object]
losses, seen = [], {}

def frame(number):
    pixels = bytearray(90_000)
    incref(pixels)
    return pixels

for number in range(200):
    losses.append(float(frame(number)[0]))
    seen[number] = "step"
    time.sleep(0.005)
"""


def largest_site(source: str, version: str, folder: Path) -> dict:
    python = find_python(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    program, report = folder / "program.py", folder / "memory.json"
    program.write_text(source)
    command = [segwhy_or_skip(), "mem", "--json", str(report), "--", str(python), str(program)]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    sites = json.loads(report.read_text())["memory"]["sites"]
    return max(sites, key=lambda site: site["peak_bytes"])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("source", "path", "kind"), [
    pytest.param(ATTRIBUTE, "__main__.main().trainer.cache", "dict of bytearray", id="attribute"),
    pytest.param(LOCAL, "__main__.main().history", "list of list", id="local"),
])
def test_the_variable_that_keeps_it(source: str, path: str, kind: str, version: str, tmp_path):
    """GIVEN a program whose container grows WHEN it runs under mem THEN that container is its line's only holder."""
    site = largest_site(source, version, tmp_path)
    holders = site.get("holders", [])
    assert [holder["path"] for holder in holders] == [path], holders
    assert holders[0]["type"] == kind
    assert 100 < holders[0]["length"] <= 200
    assert 0.7 < holders[0]["bytes"] / site["peak_bytes"] <= 1.05


@pytest.mark.parametrize("version", VERSIONS)
def test_nobody_is_named_where_nobody_holds_it(version: str, tmp_path):
    """GIVEN a native leak, and containers of numbers that grow with it WHEN it runs under mem THEN none is a holder."""
    assert "holders" not in largest_site(NOBODY, version, tmp_path)
