"""Programs that fork workers over and over, under every protection of memory: they do and print what they do plainly."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tools")]

import environments  # noqa: E402
from segwhy_command import segwhy_or_skip  # noqa: E402

pytestmark = pytest.mark.slow

# PyTorch 1.11 is the newest whose wheel on PyPI runs without packages of several GB.
LOADERS = {"numpy": ("3.12", ["numpy<3"]), "torch": ("3.8", ["torch==1.11.0", "numpy==1.22.4"])}
LONGEST = 600  # seconds; a hang, not a slow machine


def python_of(loader: str) -> Path:
    try:
        return environments.adhoc(*LOADERS[loader])
    except environments.EnvironmentUnavailable as error:
        pytest.skip(f"no environment for {loader}: {error}")


def ended(command: list[str]) -> tuple[int, str, str]:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=LONGEST)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("loader", LOADERS)
def test_workers_load_the_same(loader, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = [str(python_of(loader)), str(HERE / "data_loader_program.py"), loader]
    plain = ended(program)
    assert plain[0] == 0, plain[2]
    for mode in ("tensors", "all"):
        assert ended([segwhy_or_skip(), "run", "--protect", mode, "--", *program]) == plain, mode
