"""The committed table of CPython's layouts against the headers of the interpreters on this machine."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools" / "pyoffsets"))
import fields  # noqa: E402
import generate  # noqa: E402

TABLE = (ROOT / "src/pystate/offsets_table.inc").read_text()


def numbers(block: str) -> str:
    """The block without its first line, which names the release that was looked at."""
    return block.split("\n", 1)[1]


@pytest.mark.parametrize("version", generate.supported_versions(), ids=lambda v: f"{v[0]}.{v[1]}")
def test_block_is_what_the_headers_say(version: fields.Version) -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    found = generate.include_folder(version)
    if found is None:
        pytest.skip(f"no headers of CPython {version[0]}.{version[1]} on this machine")
    assert numbers(generate.split_blocks(TABLE)[version]) == numbers(generate.block(generate.probe(version, *found)))


def test_every_supported_version_has_a_block() -> None:
    assert sorted(generate.split_blocks(TABLE)) == sorted(generate.supported_versions())
    assert fields.OLDEST == min(generate.supported_versions())
    assert fields.NEWEST == max(generate.supported_versions())


def test_reader_claims_the_supported_versions() -> None:
    header = (ROOT / "src/pystate/layout.h").read_text()
    oldest, newest = re.search(r"kOldestMinor = (\d+), kNewestMinor = (\d+)", header).groups()
    assert [(3, minor) for minor in range(int(oldest), int(newest) + 1)] == generate.supported_versions()


def test_text_of_the_debug_offsets_says_what_the_compiler_does() -> None:
    """Versions without installed headers are read from the text of one header: check that way where both are there."""
    found = generate.include_folder((3, 13))
    if found is None:
        pytest.skip("no headers of CPython 3.13 on this machine")
    include, full = found
    members = generate.debug_members((include / "internal/pycore_runtime.h").read_text())
    described = generate.probe((3, 13), include, full).described
    assert {f.name: members[f.debug] for f in fields.FIELDS if f.debug} == described
