"""Python stacks read out of process against what the interpreter itself says, and against PyStack.

For each supported CPython on this machine, of a live process and of its core file. Versions that are not here are
skipped by name. segwhy_pyframes comes from the build: $SEGWHY_PYFRAMES, or build/*/src/pystate.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = Path(__file__).with_name("oracle_program.py")
ENDINGS = Path(__file__).with_name("oracle_endings.py")
PATIENCE_S = 30
VERSIONS = json.loads((ROOT / "src/evidence/model/supported_versions.json").read_text())["cpython"]

sys.path.insert(0, str(ROOT / "tools"))
import environments  # noqa: E402


def interpreters() -> list[str]:
    """Versions, and beside them the system's python3 where it is another build (static, stripped)."""
    return [*VERSIONS, "system"]


def find(name: str) -> Path | None:
    if name != "system":
        return environments.find_python(name)
    system = Path("/usr/bin/python3")
    return system if system.exists() else None


def reader() -> Path:
    if named := os.environ.get("SEGWHY_PYFRAMES"):
        return Path(named)
    built = sorted(ROOT.glob("build/*/src/pystate/segwhy_pyframes"), key=lambda path: path.stat().st_mtime)
    if not built:
        pytest.skip("segwhy_pyframes is not built (cmake --build --preset dev --target segwhy_pyframes)")
    return built[-1]


@dataclass
class Target:
    """The running program: its process, and what it says of its threads."""

    process: subprocess.Popen[str]
    account: dict[int, list[dict]]

    @property
    def pid(self) -> int:
        return self.process.pid


def allow_core() -> None:
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def dump_core(target: Target, folder: Path) -> Path:
    """Ends the target so that the kernel writes its core file, in its own folder."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith("|") or "/" in pattern:
        pytest.skip(f"core files of this machine go elsewhere: kernel.core_pattern is {pattern}")
    target.process.send_signal(signal.SIGABRT)
    target.process.wait()
    cores = list(folder.glob("core*"))
    if not cores:
        pytest.skip("the kernel wrote no core file (limited by RLIMIT_CORE or the file system)")
    return cores[0]


@pytest.fixture(params=interpreters())
def interpreter(request: pytest.FixtureRequest) -> Path:
    found = find(request.param)
    if found is None:
        pytest.skip(f"no CPython {request.param} on this machine")
    return found


def wait_until_blocked(pid: int) -> None:
    """Until the main thread waits for its lock like the others: what it says comes a line before that."""
    futex = "202 "
    deadline = time.monotonic() + PATIENCE_S
    while not Path(f"/proc/{pid}/task/{pid}/syscall").read_text().startswith(futex):
        assert time.monotonic() < deadline, "the program's main thread never waited"


@pytest.fixture
def target(interpreter: Path, tmp_path: Path) -> Iterator[Target]:
    # As users start it: by a relative name.
    shutil.copy(PROGRAM, tmp_path / "program.py")
    process = subprocess.Popen([interpreter, "program.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
                               preexec_fn=allow_core)
    try:
        assert process.stdout is not None
        said = next((line for line in process.stdout if line.startswith("{")), None)
        assert said is not None, "the program ended before its threads waited"
        wait_until_blocked(process.pid)
        yield Target(process, {int(tid): frames for tid, frames in json.loads(said).items()})
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def read(*arguments: str) -> dict:
    return json.loads(subprocess.run([reader(), *arguments], check=True, capture_output=True, text=True).stdout)


def threads_of(state: dict) -> dict[int, list[dict]]:
    return {thread["tid"]: thread["frames"] for thread in state["threads"]}


def as_account(frames: list[dict]) -> list[dict]:
    members = ("line", "end_line", "column", "end_column")
    return [{"file": frame["file"], "function": frame["function"],
             "location": [frame.get(member) for member in members]} for frame in frames]


def assert_agrees_with_account(state: dict, target: Target) -> None:
    seen = threads_of(state)
    assert state["notes"] == []
    assert state["finalizing"] is False
    assert len(seen) == len(target.account) + 1  # and the main thread
    for tid, account in target.account.items():
        assert as_account(seen[tid]) == account
    assert [frame["function"] for frame in seen[target.pid]] == ["main", "<module>"]
    assert [thread["tid"] for thread in state["threads"] if thread["holds_gil"]] == []


def test_live_process_agrees_with_the_interpreter(target: Target) -> None:
    assert_agrees_with_account(read(str(target.pid)), target)


def test_core_file_agrees_with_the_interpreter(target: Target, tmp_path: Path) -> None:
    assert_agrees_with_account(read("--core", str(dump_core(target, tmp_path))), target)


def test_user_frames_and_sources(target: Target) -> None:
    lines = PROGRAM.read_text().splitlines()
    for frames in threads_of(read(str(target.pid))).values():
        for frame in frames:
            name = Path(frame["file"]).name
            if name == "program.py":
                assert frame["origin"] == "user"
                assert frame["source"] == lines[frame["line"] - 1]
            elif name in ("threading.py", "contextlib.py", "runners.py"):
                assert frame["origin"] == "stdlib"
                assert frame["source"].strip()
            else:
                assert "source" not in frame or frame["origin"] == "stdlib"


def pystack_frames(pid: int) -> dict[int, list[tuple[str, int, str]]]:
    """PyStack's view: by thread, (file, line, function), innermost first."""
    command = [sys.executable, "-m", "pystack", "remote", "--no-color", str(pid)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    threads: dict[int, list[tuple[str, int, str]]] = {}
    tid = 0
    for line in text.splitlines():
        if found := re.match(r"Traceback for thread (\d+)", line):
            tid = int(found.group(1))
            threads[tid] = []
        elif found := re.match(r'\s*\(Python\) File "(.*)", line (\d+), in (.*)', line):
            threads[tid].insert(0, (found.group(1), int(found.group(2)), found.group(3)))
    return threads


def is_ascii(frame: dict) -> bool:
    """PyStack loses frames whose names are not ASCII; the interpreter's own account covers them."""
    return (frame["file"] + frame["function"]).isascii()


def last_name(function: str) -> str:
    return function.split(".")[-1]


def test_live_process_agrees_with_pystack(target: Target) -> None:
    pytest.importorskip("pystack", reason="PyStack, the other reader, is not installed")
    ours = threads_of(read(str(target.pid)))
    theirs = pystack_frames(target.pid)
    assert ours.keys() == theirs.keys()
    for tid, frames in ours.items():
        seen = [(frame["file"], frame["line"], last_name(frame["function"])) for frame in frames if is_ascii(frame)]
        assert seen == [(file, line, last_name(function)) for file, line, function in theirs[tid]]


class Ending:
    """`oracle_endings.py STATE`, once it is in that state: what it wrote before "ready", and its state as read."""

    def __init__(self, interpreter: Path, state: str) -> None:
        self.process = subprocess.Popen([interpreter, ENDINGS, state], stdout=subprocess.PIPE, text=True,
                                        start_new_session=True)

    def __enter__(self) -> Ending:
        assert self.process.stdout is not None
        self.said: list[str] = []
        for line in self.process.stdout:
            self.said.append(line.strip())
            if "ready" in self.said:
                return self
        raise AssertionError("the program ended before it was ready")

    def __exit__(self, *_: object) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def read(self, pid: int | None = None) -> dict:
        return read(str(pid or self.process.pid))


def functions(thread: dict) -> list[str]:
    return [last_name(frame["function"]) for frame in thread["frames"]]


def test_a_thread_at_work_for_two_interpreters(interpreter: Path) -> None:
    with Ending(interpreter, "subinterpreter") as ending:
        state = ending.read()
    (thread,) = state["threads"]
    assert functions(thread) == ["inner", "<module>", "subinterpreter", "<module>"]
    assert thread["frames"][1]["entry"] and thread["frames"][3]["entry"]


def test_an_interpreter_that_shuts_down(interpreter: Path) -> None:
    with Ending(interpreter, "finalizing") as ending:
        state = ending.read()
    assert state["finalizing"] is True
    assert [functions(thread) for thread in state["threads"]] == [["say_and_wait", "__del__"]]


def settled_in(pid: int, call: str) -> bool:
    """Waits until the process sleeps in that system call; false when it ends first."""
    while (folder := Path(f"/proc/{pid}")).exists():
        if (folder / "syscall").read_text().split()[0] == call:
            return True
        time.sleep(0.01)
    return False


def test_an_interpreter_that_has_ended(interpreter: Path) -> None:
    pause = "34"  # x86-64
    with Ending(interpreter, "ended") as ending:
        assert settled_in(ending.process.pid, pause)
        state = ending.read()
    assert state["finalizing"] is True
    assert state["threads"] == []
    assert state["notes"] == ["the Python interpreter has ended already"]


def test_of_a_deep_recursion_the_ends_are_kept(interpreter: Path) -> None:
    with Ending(interpreter, "deep") as ending:
        (thread,) = ending.read()["threads"]
    assert thread["depth"] == 5000 + 4
    assert functions(thread) == ["say_and_wait"] + ["down"] * 125 + ["deep", "<module>"]


def test_a_child_of_fork(interpreter: Path) -> None:
    with Ending(interpreter, "forked") as ending:
        child = int(ending.said[0])
        (thread,) = ending.read(child)["threads"]
    assert thread["tid"] == child
    assert functions(thread) == ["say_and_wait", "forked", "<module>"]
