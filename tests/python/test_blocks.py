"""Every program of tests/crashers/guarded/ gets its verdict from the heap's history: the block, the distance, the lines.

The first comment of a program says what is expected:

    # class: SLUG        the verdict; "none": it ends well and there is no report
    # distance: PHRASE   words of the summary

and comments at the end of lines mark them: "# allocated here", "# freed here", "# noticed here" (the line that is named
although the program went on), "# wrong here" (the access itself, that exact mode names) and "# dies here". A program that would survive plainly dies here, by the guard: that is
the point. One whose memory was only found to be wrong ends exactly as it does plainly.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from segwhy_command import segwhy_or_skip
from test_crashers import by_name, pythons

PROGRAMS = sorted((Path(__file__).resolve().parents[1] / "crashers" / "guarded").glob("*.py"))
TIMEOUT_S = 120


def marked(path: Path, mark: str) -> int | None:
    lines = [i for i, line in enumerate(path.read_text().splitlines(), 1) if line.endswith(f"# {mark}")]
    return lines[0] if lines else None


def user_lines(event: dict) -> list[int]:
    return [frame.get("line") for frame in event.get("python", [])]


@pytest.mark.parametrize("python", pythons(), ids=by_name)
@pytest.mark.parametrize("program", PROGRAMS, ids=by_name)
def test_block(program: Path, python: str, tmp_path):
    """GIVEN a wrong access to a buffer WHEN it runs under Segwhy THEN the report says whose memory it was."""
    keys = dict(re.findall(r"^# (class|distance): (.+)$", program.read_text(), re.M))
    report = tmp_path / "incident.json"
    options = dict(cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S)
    command = [segwhy_or_skip(), "run", "--protect", "tensors", "--json", str(report), "--", python, str(program)]
    watched = subprocess.run(command, **options)

    if marked(program, "dies here") is None:
        plain = subprocess.run([python, str(program)], **options)
        assert (watched.returncode, watched.stdout) == (plain.returncode, plain.stdout), watched.stderr
        if keys["class"] == "none":
            assert watched.stderr == plain.stderr
            return
    else:
        assert watched.returncode != 0
    incident = json.loads(report.read_text())
    verdict = incident["verdict"]
    assert verdict["class"] == keys["class"], verdict
    if keys["class"] == "wild-pointer":
        assert "block" not in incident
        return
    assert verdict["confidence"] == "certain", verdict
    assert keys.get("distance", "") in verdict["summary"]
    block = incident["block"]
    assert marked(program, "allocated here") in user_lines(block["allocated"])
    if freed := marked(program, "freed here"):
        assert freed in user_lines(block["freed"])
    named = marked(program, "dies here") or marked(program, "noticed here")
    if named is not None:
        assert incident["where"]["line"] == named


@pytest.mark.parametrize("python", pythons(), ids=by_name)
@pytest.mark.parametrize("program", [p for p in PROGRAMS if marked(p, "wrong here")], ids=by_name)
def test_exact_mode_names_the_access(program: Path, python: str, tmp_path):
    """GIVEN a program that writes into a buffer's slack WHEN every access is checked THEN the very store is named."""
    report = tmp_path / "incident.json"
    options = dict(cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S)
    command = [segwhy_or_skip(), "run", "--protect", "exact", "--json", str(report), "--", python, str(program)]
    watched = subprocess.run(command, **options)
    plain = subprocess.run([python, str(program)], **options)
    assert (watched.returncode, watched.stdout) == (plain.returncode, plain.stdout), watched.stderr
    incident = json.loads(report.read_text())
    state = incident.get("protection", {}).get("exact")
    if state != "running":
        pytest.skip(f"exact mode is not at work here: {state}")
    assert incident["verdict"]["class"] == "out-of-bounds-write"
    assert incident["verdict"]["confidence"] == "certain"
    assert marked(program, "wrong here") in user_lines(incident["findings"][0]["found"])
    assert marked(program, "allocated here") in user_lines(incident["block"]["allocated"])


def test_rerun_names_the_access_that_was_found_late(tmp_path):
    """GIVEN a write that is noticed late WHEN the run is to be repeated THEN the store is reported, and nothing else changes."""
    program = next(p for p in PROGRAMS if marked(p, "wrong here"))
    python = str(pythons()[-1])
    report, late, exact = (tmp_path / name for name in ("incident.json", "late.case", "late.case.exact"))
    options = dict(cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, text=True)
    command = [segwhy_or_skip(), "run", "--rerun", "--json", str(report), "--case", str(late), "--", python, str(program)]
    watched = subprocess.run(command, **options)
    plain = subprocess.run([python, str(program)], **options)

    assert (watched.returncode, watched.stdout) == (plain.returncode, plain.stdout), watched.stderr
    assert "the program runs again" in watched.stderr
    assert json.loads(report.read_text())["capture"]["protection"] == "tensors"
    again = json.loads(exact.read_text())
    assert again["capture"]["protection"] == "exact"
    if again.get("protection", {}).get("exact") != "running":
        pytest.skip(f"exact mode is not at work here: {again.get('protection')}")
    name = f"{program.name}:{marked(program, 'wrong here')}"
    assert name in watched.stderr.split("the program runs again")[1]


def test_rerun_of_a_program_that_ends_well_is_none(tmp_path):
    command = [segwhy_or_skip(), "run", "--rerun", "--", "python3", "-c", "raise SystemExit(3)"]
    watched = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S)
    assert (watched.returncode, watched.stderr) == (3, b"")


@pytest.mark.parametrize("python", pythons(), ids=by_name)
def test_exact_mode_serves_as_a_signal_stack(python: str, tmp_path):
    """GIVEN an interpreter whose fault handler allocates a large signal stack WHEN accesses are checked THEN all is as plainly."""
    source = "import faulthandler; faulthandler.enable(); a = bytearray(1 << 17); a[5] = 7; print(sum(a))"
    command = [segwhy_or_skip(), "run", "--protect", "exact", "--", python, "-X", "faulthandler", "-c", source]
    watched = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S)
    assert (watched.returncode, watched.stdout, watched.stderr) == (0, b"7\n", b"")
