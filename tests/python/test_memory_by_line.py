"""What `segwhy mem` says each line held, against memray's account of the same program, and its totals against the kernel's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from segwhy_command import segwhy_or_skip

TIMEOUT_S = 120

PROGRAM = """
import time
import numpy

def load():
    return [numpy.ones(25_000 + 100 * i) for i in range(120)]

def table():
    return {i: numpy.zeros((300, 300), dtype="float32") for i in range(60)}

def rows():
    return [bytearray(3000 + i % 700) for i in range(120_000)]  # sampled: as many as an error of 1 in 80 needs

kept = load()
kept += [table(), rows()]
big = numpy.full(6_000_000, 1.5)
time.sleep(1.5)
"""
LINES = {"load": 6, "table": 9, "rows": 12, "big": 16}


def mem(program: Path, folder: Path) -> dict:
    report = folder / "memory.json"
    command = [segwhy_or_skip(), "mem", "--json", str(report), "--", sys.executable, str(program)]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    return json.loads(report.read_text())


def memray_bytes(program: Path, folder: Path) -> dict[int, int]:
    """Bytes at the high-water mark by line of the program."""
    memray = pytest.importorskip("memray")
    capture = folder / "memray.bin"
    command = [sys.executable, "-m", "memray", "run", "--quiet", "--force", "-o", str(capture), str(program)]
    subprocess.run(command, cwd=folder, check=True, timeout=TIMEOUT_S)
    by_line: dict[int, int] = {}
    for record in memray.FileReader(str(capture)).get_high_watermark_allocation_records(merge_threads=True):
        for _, file, line in record.stack_trace():
            if Path(file).name == program.name:
                by_line[line] = by_line.get(line, 0) + record.size
                break
    return by_line


def test_by_line_as_memray_sees_it(tmp_path):
    """GIVEN a NumPy program WHEN it runs under mem and under memray THEN both name the same bytes for each line, within 5 %."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    theirs = memray_bytes(program, tmp_path)
    sites = mem(program, tmp_path)["memory"]["sites"]
    ours = {site["line"]: site["peak_bytes"] for site in sites if Path(site.get("file", "")).name == program.name}
    for name, line in LINES.items():
        assert ours.get(line, 0) == pytest.approx(theirs[line], rel=0.05), (name, ours, theirs)


def test_totals_as_the_kernel_sees_them(tmp_path):
    """GIVEN a program that touches what it allocates WHEN it runs THEN its lines add up to what its resident set gained."""
    program = tmp_path / "program.py"
    resident = "[int(l.split()[1]) << 10 for l in open('/proc/self/status') if l.startswith('RssAnon')][0]"
    text = PROGRAM.replace("numpy.zeros((300, 300)", "numpy.ones((300, 300)").strip()
    text = text.replace("kept = load()", f"before = {resident}\nkept = load()")
    text = text.replace("time.sleep", f"open('gained', 'w').write(str({resident} - before))\ntime.sleep")
    program.write_text(text)
    sites = mem(program, tmp_path)["memory"]["sites"]
    own = sum(site["peak_bytes"] for site in sites if Path(site.get("file", "")).name == program.name and not site["importing"])
    gained = int((tmp_path / "gained").read_text())
    assert own == pytest.approx(gained, rel=0.05)
