"""Fixtures for the tests that run real programs under the real `segwhy`.

The executable is $SEGWHY, or the one beside this Python (an installed package), or the dev build's. Every test gets a
directory of its own, which is also where cases are saved.
"""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def find_segwhy():
    candidates = [
        os.environ.get("SEGWHY"),
        str(pathlib.Path(sys.executable).parent / "segwhy"),
        str(ROOT / "build/dev/src/monitor/segwhy"),
    ]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    pytest.exit("no segwhy executable: set SEGWHY, install the package, or build the dev preset", returncode=1)


@pytest.fixture(scope="session")
def segwhy():
    return find_segwhy()


@pytest.fixture
def workdir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGWHY_DIR", str(tmp_path))
    return tmp_path


class Compiler:
    """Builds small C programs, once per source text."""

    def __init__(self, directory):
        self.directory = directory
        self.built = {}

    def __call__(self, source, *flags):
        key = (source, flags)
        if key not in self.built:
            name = self.directory / f"program{len(self.built)}"
            path = name.with_suffix(".c")
            path.write_text(source)
            compiler = shutil.which("cc") or shutil.which("gcc")
            assert compiler, "a C compiler is needed: apt install gcc"
            subprocess.run([compiler, "-O0", "-g", "-o", name, path, *flags], check=True)
            self.built[key] = str(name)
        return self.built[key]


@pytest.fixture(scope="session")
def compile_c(tmp_path_factory):
    return Compiler(tmp_path_factory.mktemp("programs"))


@pytest.fixture(scope="session")
def python():
    """A Python that is a program and not a launcher script, so that statuses and pids are its own."""
    return os.path.realpath(sys.executable)
