"""The Python of an environment of tools/environments.toml, for tests that need one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from environments import EnvironmentUnavailable, environment  # noqa: E402


def python_of(name: str) -> str:
    """Makes the environment where there is none; the test is skipped where that cannot be done."""
    try:
        return str(environment(name))
    except EnvironmentUnavailable as error:
        pytest.skip(f"no environment {name}: {error}")
