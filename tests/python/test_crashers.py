"""Every program of tests/crashers/ gets the verdict it owns, and ends under Segwhy exactly as it ends without.

The first comment of a program says what is expected:

    # class: SLUG      the verdict; "none": it ends well, or by its own choice, and there is no report
    # also: SLUG...    other verdicts that are right too
    # needs: WORD...   cc: native/crash.cc; root, tmpfs, cgroup: what the test must be allowed to do;
                       !fma4: a CPU without it; noline: no line of the program is at fault

and the line that must be named ends in "# dies here". Pythons: $SEGWHY_PYTHONS (separated by colons), else python3.8 to
python3.14 on PATH, else the one that runs this test.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from segwhy_command import segwhy_or_skip

CRASHERS = Path(__file__).resolve().parents[1] / "crashers"
TIMEOUT_S = 120


@dataclass(frozen=True)
class Crasher:
    path: Path
    verdict: str
    also: tuple[str, ...]
    needs: tuple[str, ...]
    line: int | None  # that must be named

    @staticmethod
    def read(path: Path) -> "Crasher":
        text = path.read_text()
        keys = dict(re.findall(r"^# (class|also|needs): (.+)$", text, re.M))
        lines = [i for i, line in enumerate(text.splitlines(), 1) if line.endswith("# dies here")]
        needs = tuple(keys.get("needs", "").split())
        line = None if "noline" in needs or not lines else lines[0]
        return Crasher(path, keys["class"], tuple(keys.get("also", "").split()), needs, line)


# Verdicts that fall short today, each with what is missing. A test that passes all the same shows as XPASS.
FALLS_SHORT: dict[str, str] = {}

ALL = [Crasher.read(path) for path in sorted(CRASHERS.glob("*.py"))]


def works(python: str) -> bool:
    return subprocess.run([python, "-c", ""], capture_output=True).returncode == 0


def pythons() -> list[str]:
    if named := os.environ.get("SEGWHY_PYTHONS"):
        return named.split(":")
    found = [shutil.which(f"python3.{minor}") for minor in range(8, 15)]
    return [python for python in found if python and works(python)] or [sys.executable]


@pytest.fixture(scope="session")
def library(tmp_path_factory) -> str:
    """native/crash.cc, built as a distribution builds: with assertions, stack protector and fortification."""
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("no C++ compiler: apt install g++")
    output = tmp_path_factory.mktemp("native") / "libcrash.so"
    flags = ["-g", "-O1", "-fno-optimize-sibling-calls", "-fstack-protector-all", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"]
    source = CRASHERS / "native" / "crash.cc"
    subprocess.run([compiler, *flags, "-w", "-shared", "-fPIC", "-pthread", "-o", output, source], check=True)
    return str(output)


@pytest.fixture
def small_tmpfs(tmp_path):
    folder = tmp_path / "tmpfs"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
    yield str(folder)
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def small_cgroup(tmp_path):
    """A cgroup of 64 MiB without swap, version 2 or 1."""
    root = Path("/sys/fs/cgroup")
    unified = (root / "cgroup.controllers").exists()
    group = (root if unified else root / "memory") / f"segwhy-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / ("memory.max" if unified else "memory.limit_in_bytes")).write_text(str(64 << 20))
        if unified and (group / "memory.swap.max").exists():
            (group / "memory.swap.max").write_text("0")
    except OSError as error:
        if group.exists():
            group.rmdir()
        pytest.skip(f"cannot make a memory cgroup: {error}")
    yield str(group)
    group.rmdir()


@pytest.fixture
def surroundings(crasher: Crasher, request) -> dict[str, str]:
    """The environment variables the program needs; skips, saying why, when it cannot have what it needs."""
    if "root" in crasher.needs and os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    if "!fma4" in crasher.needs and re.search(r"^flags.* fma4( |$)", Path("/proc/cpuinfo").read_text(), re.M):
        pytest.skip("this CPU has the instruction")
    variables = {"cc": ("CRASH_LIBRARY", "library"), "tmpfs": ("SMALL_TMPFS", "small_tmpfs"), "cgroup": ("SMALL_CGROUP", "small_cgroup")}
    return {name: request.getfixturevalue(fixture) for need, (name, fixture) in variables.items() if need in crasher.needs}


def run(command: list[str], folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=folder, env={**os.environ, **env}, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S)


def by_name(value) -> str:
    return value.path.stem if isinstance(value, Crasher) else Path(str(value)).name


@pytest.mark.parametrize("python", pythons(), ids=by_name)
@pytest.mark.parametrize("crasher", ALL, ids=by_name)
def test_crasher(crasher: Crasher, python: str, surroundings, tmp_path, request):
    """GIVEN a program that dies in a known way WHEN it runs under Segwhy THEN the verdict is its own and the end the same."""
    if reason := FALLS_SHORT.get(crasher.path.stem):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=False))
    segwhy = segwhy_or_skip()
    report = tmp_path / "incident.json"
    plain = run([python, str(crasher.path)], tmp_path, surroundings)
    command = [segwhy, "run", "--json", str(report), "--", python, str(crasher.path)]
    watched = run(command, tmp_path, surroundings)

    assert watched.returncode == plain.returncode, watched.stderr.decode(errors="replace")
    assert watched.stdout == plain.stdout
    raised = plain.returncode == 1 and crasher.verdict == "stack-overflow"  # CPython met its own limit first
    if (plain.returncode == 0 or raised) and crasher.verdict != "none" and "fork" not in crasher.path.stem:
        pytest.skip("this Python survives the program")
    if crasher.verdict == "none":
        assert not report.exists() or json.loads(report.read_text())["verdict"]["class"] in ("ok", "python-exception")
        assert plain.stderr == watched.stderr, "a program that ends well has no report"
        return
    incident = json.loads(report.read_text())
    verdict = incident["verdict"]
    assert verdict["class"] in (crasher.verdict, *crasher.also), verdict
    assert verdict["class"] == crasher.verdict or verdict["confidence"] != "certain", verdict
    if crasher.line is not None:
        assert Path(incident["where"]["file"]).name == crasher.path.name
        assert incident["where"]["line"] == crasher.line


def test_every_class_that_needs_no_block_history_has_a_program():
    """The classes that cannot be brought about by a small program here are named, with the reason."""
    elsewhere = {
        "check-failed": "needs a framework: tools/advisory_table.py",
        "library-conflict": "needs packages: tools/wild_table.py",
        "openmp-duplicate": "needs packages: tools/wild_table.py",
        "abi-mismatch": "needs packages: tools/wild_table.py",
        "allocator-mismatch": "needs packages: tools/wild_table.py",
    }
    covered = {crasher.verdict for crasher in ALL}
    wanted = set(
        "null-pointer wild-pointer write-to-read-only bad-jump stack-overflow uncaught-exception assertion python-fatal abort "
        "heap-corruption illegal-instruction divide-by-zero trap truncated-mapping shared-memory-exhausted allocation-failed "
        "thread-limit out-of-memory killed fork-after-threads exit-teardown python-exception check-failed library-conflict "
        "openmp-duplicate abi-mismatch allocator-mismatch".split()
    )
    assert wanted - covered == set(elsewhere)
