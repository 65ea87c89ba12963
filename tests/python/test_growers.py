"""Every program of tests/growers/ gets the verdict it owns from `segwhy mem`: what grows is named with its line, and what
fills up, settles or comes and goes is not called growth.

The first comment of a program says what is expected ("# grows: yes" or "no") and what it needs ("# needs: numpy" or
"tensorflow"); a line that must be named ends in
"# grows here", and where none can be, "# native:" has part of the name of the native code. "# held:" has the variable
that keeps it; where there is none, nobody must be said to. "# retraced:" has what is told of a tf.function whose traces grow.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from environment_python import python_of
from segwhy_command import segwhy_or_skip

ROOT = Path(__file__).resolve().parents[2]
GROWERS = ROOT / "tests" / "growers"
TIMEOUT_S = 300
# That those with TensorFlow run in.
ENVIRONMENT = "tf-2.8.0"


@dataclass(frozen=True)
class Grower:
    path: Path
    grows: bool
    needs: str
    native: str  # what the name of the native code that grows has in it; empty: a line is named
    held: str  # the variable that keeps what grows, empty where none does
    retraced: str  # what differed between the traces that grow, empty where none do
    lines: tuple[int, ...]  # what grows is allocated there; any of them may be told first

    @staticmethod
    def read(path: Path) -> "Grower":
        text = path.read_text()
        keys = dict(re.findall(r"^# (grows|needs|native|held|retraced): (.+)$", text, re.M))
        lines = tuple(i for i, line in enumerate(text.splitlines(), 1) if line.endswith("# grows here"))
        return Grower(path, keys["grows"] == "yes", keys.get("needs", ""), keys.get("native", ""), keys.get("held", ""),
                      keys.get("retraced", ""), lines)


ALL = [Grower.read(path) for path in sorted(GROWERS.glob("*.py"))]


def params(grows: bool) -> list:
    chosen = [grower for grower in ALL if grower.grows == grows]
    return [pytest.param(g, id=g.path.stem, marks=[pytest.mark.slow] if g.needs == "tensorflow" else []) for g in chosen]


def python_for(grower: Grower) -> str:
    if not grower.needs:
        return sys.executable
    if grower.needs == "numpy":
        return sys.executable  # tests/requirements.txt
    return python_of(ENVIRONMENT)


def run(grower: Grower, folder: Path, command: str = "mem") -> tuple[dict, subprocess.CompletedProcess]:
    report = folder / "memory.json"
    words = [segwhy_or_skip(), command, "--json", str(report), "--", python_for(grower), str(grower.path)]
    done = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    return json.loads(report.read_text()), done


@pytest.mark.parametrize("grower", params(True))
def test_growth_is_found_with_its_line(grower: Grower, tmp_path):
    """GIVEN a program that keeps something of every step WHEN it runs under mem THEN growth at that line is reported."""
    incident, done = run(grower, tmp_path)
    assert incident["verdict"]["class"] == "memory-growth", incident["verdict"]
    grown = " ".join(incident["verdict"]["evidence"])
    if grower.native:
        assert "where" not in incident
        assert grower.native in grown.split(" gained ")[0]
        return
    assert Path(incident["where"]["file"]).name == grower.path.name
    assert incident["where"]["line"] in grower.lines
    assert grower.retraced in grown if grower.retraced else "was traced" not in grown
    for line in grower.lines:
        assert f"{grower.path.name}:{line} gained" in grown
        assert f"{grower.path.name}:{line}" in done.stderr


@pytest.mark.parametrize("grower", params(True))
def test_the_container_that_holds_it_is_named(grower: Grower, tmp_path):
    """GIVEN a program that keeps something of every step WHEN it runs under mem THEN the variable that keeps it is named
    with its growing line, and one that does not is not said to."""
    incident, done = run(grower, tmp_path)
    sites = incident["memory"]["sites"]
    own = [site for site in sites if Path(site.get("file", "")).name == grower.path.name and not site["importing"]]
    told = [site for site in own if site["line"] in grower.lines]
    assert grower.native or len(told) == len(grower.lines)
    for site in told:
        holders = site.get("holders", [])
        if not grower.held:
            assert not [holder for holder in holders if "bytes" in holder], holders
            continue
        assert holders and holders[0]["path"] == f"__main__.{grower.held}", holders
        assert holders[0]["length"] > 50
        assert f"__main__.{grower.held}" in done.stderr


@pytest.mark.parametrize("grower", params(False))
def test_what_is_bounded_is_not_called_growth(grower: Grower, tmp_path):
    """GIVEN a program whose memory stays bounded WHEN it runs under mem THEN there is a report without growth."""
    incident, done = run(grower, tmp_path)
    assert incident["verdict"]["class"] == "ok", incident["verdict"]
    assert re.search("^segwhy: ok", done.stderr, re.M), done.stderr


def test_run_keeps_silent_about_growth(tmp_path):
    """GIVEN a program that grows and ends well WHEN it runs under run THEN its stderr is its own and no account is kept."""
    grower = next(g for g in ALL if g.path.stem == "grows_closure")
    incident, done = run(grower, tmp_path, "run")
    assert done.stderr == ""
    assert "sites" not in incident.get("memory", {}), "the account costs time, and was not asked for"


def test_twelve_of_each():
    assert sum(g.grows for g in ALL) >= 12
    assert sum(not g.grows for g in ALL) >= 12
