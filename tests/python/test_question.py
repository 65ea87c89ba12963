"""The examples of docs/question.md on real TensorFlow: what each does, as Segwhy says it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from environment_python import python_of
from segwhy_command import segwhy_or_skip

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "question"
TIMEOUT_S = 280
VERSIONS = ["tf-2.4.1", "tf-2.8.0", "tf-2.21.0"]
TENSOR = 4_000_000
LIMIT = 3 << 30

sys.path.insert(0, str(ROOT / "tools"))
from oom_runs import ENTER, Cgroup  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("version", VERSIONS)]


def told(folder: Path, command: str, version: str, program: Path, *arguments: str, **variables: str) -> dict:
    report = folder / "incident.json"
    words = [segwhy_or_skip(), command, "--json", str(report), "--", python_of(version), str(program), *arguments]
    subprocess.run(
        words, cwd=folder, env={**os.environ, **variables}, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S
    )
    return json.loads(report.read_text())


def line_of(program: Path, text: str) -> int:
    return next(i for i, line in enumerate(program.read_text().splitlines(), 1) if text in line)


def site_at(incident: dict, program: Path, line: int) -> dict:
    return next(s for s in incident["memory"]["sites"] if Path(s.get("file", "")).name == program.name and s.get("line") == line)


@pytest.mark.parametrize("name", ["reshape.py", "reshape_column.py"])
def test_both_reshapes_are_valid(version, name, tmp_path):
    """GIVEN the reshape that the question calls incorrect, and the other WHEN they run THEN both end well."""
    incident = told(tmp_path, "run", version, EXAMPLES / name)
    assert incident["verdict"]["class"] == "ok", incident["verdict"]


@pytest.mark.parametrize("arguments", [(), ("float",)], ids=["int", "float"])
@pytest.mark.parametrize("name", ["multiply_graph.py", "multiply_eager.py"])
def test_the_multiplication_ends_in_an_exception_at_its_line(version, name, arguments, tmp_path):
    """GIVEN operands that do not fit WHEN they are multiplied, in a graph and eagerly THEN it is a Python exception in that line."""
    program = EXAMPLES / name
    incident = told(tmp_path, "run", version, program, *arguments)
    assert incident["verdict"]["class"] == "python-exception", incident["verdict"]
    assert incident["death"]["exit_code"] == 1
    assert incident["where"]["line"] == line_of(program, "tf.multiply(")


def test_a_thousand_tensors_are_held_not_dangling(version, tmp_path):
    """GIVEN the list of tensors WHEN it runs under mem THEN it ends well, and its line holds 990 of them."""
    program = EXAMPLES / "held_tensors.py"
    incident = told(tmp_path, "mem", version, program)
    line = line_of(program, "tf.random.normal")
    assert incident["death"] == {**incident["death"], "kind": "exit", "exit_code": 0}
    assert incident["verdict"]["class"] == "memory-growth", incident["verdict"]
    assert incident["where"]["line"] == line
    assert site_at(incident, program, line)["live_bytes"] == pytest.approx(990 * TENSOR, rel=0.02)


def test_the_improved_version_holds_half(version, tmp_path):
    """GIVEN the deque of 500 WHEN it runs under mem THEN its peak is about 500 tensors, and it is not said to grow."""
    program = EXAMPLES / "held_tensors_bounded.py"
    incident = told(tmp_path, "mem", version, program)
    assert incident["verdict"]["class"] == "ok", incident["verdict"]
    assert site_at(incident, program, line_of(program, "tf.random.normal"))["peak_bytes"] == pytest.approx(500 * TENSOR, rel=0.02)


def test_under_a_limit_the_kernel_kills_it_and_the_line_is_named(version, tmp_path, monkeypatch):
    """GIVEN a cgroup of 3 GiB WHEN the list of tensors runs in it THEN it is out of memory, at the list's line."""
    monkeypatch.setattr("oom_runs.LIMIT", LIMIT)
    try:
        cgroup = Cgroup()
    except OSError as error:
        pytest.skip(f"cannot make a memory cgroup: {error}")
    try:
        program = tmp_path / "held_tensors.py"
        program.write_text(ENTER + (EXAMPLES / "held_tensors.py").read_text())
        incident = told(tmp_path, "mem", version, program, OOM_CGROUP=str(cgroup.path))
    finally:
        cgroup.remove()
    assert incident["verdict"]["class"] == "out-of-memory", incident["verdict"]
    assert incident["where"]["line"] == line_of(program, "tf.random.normal")
    held = " ".join(incident["verdict"]["evidence"])
    assert f"held_tensors.py:{incident['where']['line']}" in held
