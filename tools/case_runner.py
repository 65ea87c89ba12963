"""Runs a program plainly and under Segwhy and keeps what a judge needs: status, output, verdict. Used by the case tables.

A run happens in a folder of its own, with a time limit after which the whole process group is ended.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Outcome:
    """How one run ended. status: as subprocess has it (negative: signal), None: ended by the time limit."""

    status: int | None
    stdout: str
    stderr: str
    seconds: float
    incident: dict | None = None  # the JSON report, None when there is none
    extra: dict = field(default_factory=dict)


def load_records(cases: Path, only: list[str]) -> list[dict]:
    """The records of a case file (JSON lines); where `only` is not empty, those whose id begins with one of it."""
    records = [json.loads(line) for line in cases.read_text().splitlines() if line.strip()]
    return [r for r in records if not only or any(r["id"].startswith(o) for o in only)]


def segwhy_command() -> Path:
    """The installed command, or $SEGWHY."""
    named = os.environ.get("SEGWHY")
    return Path(named) if named else ROOT / ".venv" / "bin" / "segwhy"


def run(argv: list[str], folder: Path, timeout: float, env: dict[str, str] | None = None) -> Outcome:
    """Runs argv in `folder`. stdin is empty; stdout and stderr are kept whole."""
    started = time.monotonic()
    with open(folder / "stdout", "w+b") as out, open(folder / "stderr", "w+b") as err:
        process = subprocess.Popen(
            argv, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )
        status: int | None = None
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        seconds = time.monotonic() - started
        out.seek(0)
        err.seek(0)
        return Outcome(status, out.read().decode(errors="replace"), err.read().decode(errors="replace"), seconds)


def run_case(
    python: Path,
    files: dict[str, str],
    *,
    under_segwhy: bool,
    build: str | None = None,
    wrap: list[str] | None = None,
    env: dict[str, str] | None = None,
    timeout: float = 120,
    options: list[str] | None = None,
) -> Outcome:
    """Writes `files` into a fresh folder, builds, and runs main.py with `python`, optionally under Segwhy."""
    folder = Path(tempfile.mkdtemp(prefix="segwhy-case-"))
    try:
        for name, text in files.items():
            (folder / name).write_text(text)
        if build:
            subprocess.run(build.replace("{python}", str(python)), shell=True, cwd=folder, check=True, capture_output=True)
        argv = [str(python), "main.py"]
        report = folder / "incident.json"
        if under_segwhy:
            argv = [str(segwhy_command()), "run", "--json", str(report), *(options or []), "--", *argv]
        full_env = {**os.environ, **(env or {})}
        outcome = run([*(wrap or []), *argv], folder, timeout, full_env)
        if report.exists():
            outcome.incident = json.loads(report.read_text())
        return outcome
    finally:
        shutil.rmtree(folder, ignore_errors=True)
