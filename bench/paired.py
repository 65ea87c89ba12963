"""Timing of whole commands in pairs: A B A B ..., so that a drift of the machine hits both alike.

Ratios are formed pair by pair and quoted as their median with the extremes; absolute times are for orientation only.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import time
from dataclasses import dataclass


@dataclass
class Sample:
    """One run: seconds of wall time, CPU seconds (user and system, children included), peak RSS in bytes."""

    wall: float
    cpu: float
    rss: int


def run_once(argv: list[str], env: dict[str, str] | None = None) -> Sample:
    """Runs argv to its end (any status), its output thrown away."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    process = subprocess.Popen(
        argv, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, _, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Sample(wall, cpu, usage.ru_maxrss * 1024)


def pairs(a: list[str], b: list[str], runs: int, warmup: int = 1) -> list[tuple[Sample, Sample]]:
    """`runs` pairs (a, b) after `warmup` uncounted ones. Which goes first alternates."""
    for _ in range(warmup):
        run_once(a), run_once(b)
    found = []
    for i in range(runs):
        if i % 2 == 0:
            first, second = run_once(a), run_once(b)
        else:
            second, first = run_once(b), run_once(a)
        found.append((first, second))
    return found


def spread(values: list[float], digits: int = 3) -> str:
    """'median (least to most)'."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def ratio_line(label: str, measured: list[tuple[Sample, Sample]], figure: str) -> str:
    """The ratio a/b of one figure, pair by pair."""
    return f"{label}, {figure}: {spread([getattr(a, figure) / getattr(b, figure) for a, b in measured])}"
