#!/usr/bin/env python3
"""Other projects' own test suites, run plainly and under Segwhy: every test must end the same.

usage: suites.py [--python X.Y] [--protect MODE]... [--tries N] [cpython] [numpy] [scipy]      (default: cpython numpy)

cpython   of CPython's tests those of signals, threads, processes, files, foreign memory and buffers (CPYTHON below)
numpy     numpy's tests but f2py's, which want compilers; as installed from PyPI (an environment of its own, made when
          needed)
scipy     scipy.sparse, scipy.linalg and scipy.spatial; --part names others (scipy.fft, scipy.signal...). The whole of
          scipy takes hours
--protect may be given several times: each mode is compared with the same plain runs.
A test whose outcome differs is run again, both ways, up to N times (3): one that flickers plainly too is named as such
and is no difference. Status 1: differences; 2: a suite could not be run.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import environments  # noqa: E402
from case_runner import segwhy_command  # noqa: E402

CPYTHON = (
    "test_signal test_threading test_subprocess test_faulthandler test_multiprocessing_fork test_os test_io "
    "test_ctypes test_mmap test_array test_buffer"
).split()
PACKAGES = {
    "numpy": (["numpy<3", "pytest", "hypothesis", "setuptools"], [f"numpy.{part}" for part in "_core fft lib linalg ma polynomial random".split()]),
    "scipy": (["scipy", "numpy<3", "pytest", "hypothesis", "pooch", "pytest-timeout"], ["scipy.sparse", "scipy.linalg", "scipy.spatial"]),
}
FEWEST_TESTS = 200
# "test_x (test.test_os.FileTests.test_x) ... ok", on 3.8 "test_x (test.test_os.FileTests) ... ok"; the outcome may
# follow on a later line when the test prints.
CPYTHON_TEST = re.compile(r"^(\w+) \(([\w.]+)\)")
CPYTHON_OUTCOME = re.compile(r"(?:^|\.\.\. )(ok|FAIL|ERROR|skipped|expected failure|unexpected success)\b")


@dataclass
class Suite:
    """One run's command, and how its per-test outcomes are read."""

    name: str
    python: Path
    tests: list[str]

    def run(self, under: list[str], folder: Path) -> dict[str, str]:
        if self.name == "cpython":
            return self._run_cpython(under, folder)
        return self._run_pytest(under, folder)

    def _environment(self) -> dict[str, str]:
        # One run's leftovers must not decide the other's outcome.
        return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_DATABASE_FILE": "", "PYTHONHASHSEED": "0"}

    def _run_cpython(self, under: list[str], folder: Path) -> dict[str, str]:
        command = [*under, str(self.python), "-m", "test", "-v", *self.tests]
        done = subprocess.run(command, cwd=folder, env=self._environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        outcomes: dict[str, str] = {"(status)": str(done.returncode)}
        current = None
        for line in done.stdout.decode(errors="replace").splitlines():
            if test := CPYTHON_TEST.match(line):
                name, where = test.groups()
                current = where if where.endswith("." + name) else f"{where}.{name}"
            if current and (outcome := CPYTHON_OUTCOME.search(line)):
                outcomes[current] = outcome.group(1)
                current = None
        return self._checked(outcomes, done.stdout)

    def _run_pytest(self, under: list[str], folder: Path) -> dict[str, str]:
        report = folder / "report.xml"
        command = [*under, str(self.python), "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider"]
        command += [f"--junitxml={report}", "-m", "not slow", "--pyargs", *self.tests]
        done = subprocess.run(command, cwd=folder, env=self._environment(), stdin=subprocess.DEVNULL, capture_output=True)
        outcomes = {"(status)": str(done.returncode)}
        if not report.exists():
            return self._checked(outcomes, done.stdout + done.stderr)
        for case in xml.parse(report).getroot().iter("testcase"):
            kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
            outcomes[f"{case.get('classname')}::{case.get('name')}"] = kinds[0] if kinds else "ok"
        return self._checked(outcomes, done.stdout + done.stderr)

    def _checked(self, outcomes: dict[str, str], output: bytes) -> dict[str, str]:
        """A suite that did not start is no result, and two of them are not "the same"."""
        if len(outcomes) < FEWEST_TESTS:
            raise RuntimeError(f"{self.name} ran only {len(outcomes) - 1} tests:\n{output.decode(errors='replace')[-2000:]}")
        return outcomes


def suite_of(name: str, version: str) -> Suite:
    if name == "cpython":
        python = environments.find_python(version)
        if python is None:
            raise environments.EnvironmentUnavailable(f"no Python {version} on this machine")
        return Suite(name, python, CPYTHON)
    requirements, tests = PACKAGES[name]
    return Suite(name, environments.adhoc(version, requirements), tests)


def differing(a: dict[str, str], b: dict[str, str]) -> set[str]:
    return {test for test in a.keys() | b.keys() if a.get(test) != b.get(test)}


class Comparison:
    """One suite's plain runs, which every mode is compared with."""

    def __init__(self, suite: Suite, tries: int) -> None:
        self._suite = suite
        self._tries = tries
        self._plain: list[dict[str, str]] = []

    def _run(self, under: list[str]) -> dict[str, str]:
        with tempfile.TemporaryDirectory(prefix="suite-") as folder:
            return self._suite.run(under, Path(folder))

    def _plain_run(self, number: int) -> dict[str, str]:
        while len(self._plain) <= number:
            self._plain.append(self._run([]))
        return self._plain[number]

    def with_runs_under(self, under: list[str]) -> bool:
        """Prints the comparison; True when every test that does not flicker plainly ends the same."""
        first = self._plain_run(0)
        watched = [self._run(under)]
        while differing(first, watched[-1]) and len(watched) < self._tries:
            self._plain_run(len(watched))
            watched.append(self._run(under))
        different, flickering = told_apart(self._plain, watched)
        tests = len(first) - 1
        print(f"{self._suite.name} ({self._suite.python}), {' '.join(under[1:-1])}: {tests} tests, ", end="")
        print(f"{len(different)} differ, {len(flickering)} flicker")
        print("\n".join([*different, *(f"  flickers: {test}" for test in flickering)]), flush=True)
        return not different


def told_apart(plain: list[dict[str, str]], watched: list[dict[str, str]]) -> tuple[list[str], list[str]]:
    """The tests that never end under Segwhy as they do plainly, as lines; and the names of those that flicker."""
    seen_plain = {test: {outcomes.get(test) for outcomes in plain} for test in set().union(*plain)}
    seen_watched = {test: {outcomes.get(test) for outcomes in watched} for test in set().union(*watched)}
    different, flickering = [], []
    for test in sorted((seen_plain.keys() | seen_watched.keys()) - {"(status)"}):
        before, after = seen_plain.get(test, {None}), seen_watched.get(test, {None})
        if not before & after:
            different.append(f"  {test}: plain {sorted(map(str, before))}, under Segwhy {sorted(map(str, after))}")
        elif len(before) > 1 or len(after) > 1:
            flickering.append(test)
    return different, flickering


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", default=["cpython", "numpy"], choices=["cpython", *PACKAGES])
    parser.add_argument("--python", help="default: 3.8 for cpython, whose release carries all of these tests; 3.12 for packages")
    parser.add_argument("--protect", action="append", default=[], help="a mode; default: the command's own")
    parser.add_argument("--part", action="append", default=[], help="a package's tests, instead of the usual ones")
    parser.add_argument("--tries", type=int, default=3)
    options = parser.parse_args()
    modes = [["--protect", mode] for mode in options.protect] or [[]]
    status = 0
    for name in options.suites:
        try:
            suite = suite_of(name, options.python or ("3.8" if name == "cpython" else "3.12"))
            suite.tests = options.part or suite.tests
            comparison = Comparison(suite, options.tries)
            for mode in modes:
                if not comparison.with_runs_under([str(segwhy_command()), "run", *mode, "--"]):
                    status = max(status, 1)
        except (environments.EnvironmentUnavailable, RuntimeError, OSError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            status = 2
    return status


if __name__ == "__main__":
    sys.exit(main())
