"""Where the segwhy command under test is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def segwhy_command() -> str | None:
    """$SEGWHY, else the installed command, else the newest build, else the one on PATH."""
    if named := os.environ.get("SEGWHY"):
        return named
    installed = ROOT / ".venv" / "bin" / "segwhy"
    built = sorted(ROOT.glob("build/*/src/monitor/segwhy"), key=lambda p: p.stat().st_mtime)
    for candidate in [installed, *reversed(built)]:
        if candidate.exists():
            return str(candidate)
    return shutil.which("segwhy")


def segwhy_or_skip() -> str:
    command = segwhy_command()
    if command is None:
        pytest.skip("no segwhy command: set SEGWHY, or run `make install`")
    return command
