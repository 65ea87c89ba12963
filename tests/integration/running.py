"""Runs programs plainly and under segwhy, and waits for conditions without sleeping on a guess."""

import json
import os
import pathlib
import select
import subprocess
import time

# Nothing here takes seconds; a hang must end the test, not the run.
TIMEOUT_S = 60


def run(arguments, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("timeout", TIMEOUT_S)
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True, check=False, **options)


def same_as_plain(segwhy, arguments, *flags, **options):
    """Runs `arguments` both ways and checks that status and standard output are the same; returns both results."""
    plain = run(arguments, **options)
    watched = run([segwhy, "run", *flags, "--", *arguments], **options)
    assert (watched.returncode, watched.stdout) == (plain.returncode, plain.stdout)
    return plain, watched


def lines_of_segwhy(text):
    return [line for line in text.splitlines() if line.startswith("segwhy:")]


def wait_until(condition, what, timeout_s=TIMEOUT_S):
    """Polls until `condition()` is truthy and returns its value."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"never happened: {what}"
        select.select([], [], [], 0.002)


def state_of(pid):
    """One letter of /proc/PID/stat ("S", "T", "Z"), or None when there is no such process."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()[0]


def children_of(pid):
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def name_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def monitor_of(front):
    """The monitor's pid: the front's child of that name."""
    return wait_until(lambda: [c for c in children_of(front) if name_of(c) == "segwhy-monitor"], "a monitor")[0]


def program_of(front):
    """The program's pid: the front's child that is neither of Segwhy's own and has been executed."""

    def find():
        names = {child: name_of(child) for child in children_of(front)}
        return [child for child, name in names.items() if name and not name.startswith("segwhy")]

    return wait_until(find, "the program")[0]


def read_json(path):
    return json.loads(pathlib.Path(path).read_text())


def alive(pid):
    return state_of(pid) not in (None, "Z")


def read_line(stream):
    """One line of a pipe, bounded in time."""
    ready, _, _ = select.select([stream], [], [], TIMEOUT_S)
    assert ready, "no line came"
    return stream.readline()


def open_descriptors(pid):
    return {int(name): os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}
