"""`segwhy compare`: two programs, or their saved cases, in one table and as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from segwhy_command import segwhy_or_skip

TIMEOUT_S = 120
HOLDS = "import sys\nkept = [bytes(1_000_000) + b'%d' % i for i in range(int(sys.argv[1]))]\nprint('kept', len(kept))\n"
DROPS = "import sys\nfor i in range(int(sys.argv[1])):\n    kept = bytes(1_000_000) + b'%d' % i\nprint('kept', 1)\n"


def compare(folder: Path, *words: str) -> tuple[subprocess.CompletedProcess, dict]:
    report = folder / "comparison.json"
    command = [segwhy_or_skip(), "compare", "--python", sys.executable, "--json", str(report), *words]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S)
    return done, json.loads(report.read_text()) if report.exists() else {}


def rows(comparison: dict) -> dict[str, dict]:
    return {row["key"]: row for row in comparison["rows"]}


def test_a_program_and_its_fix(tmp_path):
    """GIVEN a program that keeps all and one that keeps one WHEN they are compared THEN memory and output differ, the end does not."""
    (tmp_path / "holds.py").write_text(HOLDS)
    (tmp_path / "drops.py").write_text(DROPS)
    done, comparison = compare(tmp_path, "holds.py", "drops.py", "200")
    assert done.returncode == 0, done.stderr
    found = rows(comparison)
    assert found["peak_rss"]["differs"] and found["peak_allocated"]["differs"]
    assert comparison["old"]["peak_rss"] - comparison["new"]["peak_rss"] > 150_000_000
    assert not found["end"]["differs"]
    assert found["output"]["differs"]
    assert found["output"]["old"] == "line 1: kept 200"
    assert "holds.py" in done.stdout and "drops.py" in done.stdout


def test_a_crash_and_its_fix(tmp_path):
    """GIVEN a program that dies and one that does not WHEN they are compared THEN the death is named."""
    (tmp_path / "bad.py").write_text("import ctypes\nctypes.string_at(0)\n")
    (tmp_path / "good.py").write_text("print('fine')\n")
    done, comparison = compare(tmp_path, "bad.py", "good.py")
    assert done.returncode == 0, done.stderr
    found = rows(comparison)
    assert found["end"]["old"].startswith("SIGSEGV") and found["end"]["new"] == "exit status 0"
    assert found["verdict"]["old"] == "null-pointer at bad.py:2"


def test_saved_cases(tmp_path):
    """GIVEN two saved cases WHEN they are compared THEN nothing is run and what a case does not hold is left out."""
    (tmp_path / "program.py").write_text("print('once')\n")
    for name in ("one", "two"):
        command = [segwhy_or_skip(), "mem", "--quiet", "--case", f"{name}.case", "--", sys.executable, "program.py"]
        subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL, timeout=TIMEOUT_S)
    (tmp_path / "program.py").unlink()
    done, comparison = compare(tmp_path, "one.case", "two.case")
    assert done.returncode == 0, done.stderr
    assert "output" not in rows(comparison)
    assert not rows(comparison)["verdict"]["differs"]


def test_a_program_that_is_not_there(tmp_path):
    """GIVEN a name of nothing WHEN it is compared THEN that is said and the status tells."""
    (tmp_path / "good.py").write_text("print('fine')\n")
    done, comparison = compare(tmp_path, "missing.case", "good.py")
    assert done.returncode == 2 and not comparison
    assert "missing.case" in done.stderr
