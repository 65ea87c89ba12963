"""Memory that runs out in several ways, and SIGKILLs that are none of it: tools/oom_runs.py, a few times each."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from segwhy_command import segwhy_or_skip

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import oom_runs  # noqa: E402

RUNS = 2


@pytest.mark.parametrize("kind", list(oom_runs.PROGRAMS))
def test_memory_that_runs_out(kind: str):
    """GIVEN a program that runs out of memory, or is killed near it WHEN it runs under Segwhy THEN the verdict is right."""
    segwhy = segwhy_or_skip()
    if kind in oom_runs.NEEDS_CGROUP:
        try:
            oom_runs.Cgroup().remove()
        except OSError as error:
            pytest.skip(f"cannot make a memory cgroup: {error}")
    for _ in range(RUNS):
        right, said = oom_runs.run_once(kind, segwhy, sys.executable)
        assert right, said
