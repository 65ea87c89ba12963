"""A process with more threads than anyone reads: all are named, the stacks of a thousand are read, the report is made."""

import json
import signal

import running

PROGRAM = """
import ctypes, sys, threading
threading.stack_size(64 * 1024)
never = threading.Event()
for _ in range(int(sys.argv[1])):
    threading.Thread(target=never.wait, daemon=True).start()
ctypes.string_at(0)
"""


def died_with(segwhy, python, tmp_path, threads):
    script = tmp_path / "threads.py"
    script.write_text(PROGRAM)
    report = tmp_path / "report.json"
    result = running.run(
        [segwhy, "run", "--json", report, "--case", tmp_path / "a.case", "--", python, script, threads], cwd=tmp_path
    )
    assert result.returncode == -signal.SIGSEGV
    return json.loads(report.read_text())


def with_stack(incident):
    return sum(bool(thread["native"]) for thread in incident["threads"])


def test_beyond_a_thousand_threads_the_rest_is_named_only(segwhy, python, tmp_path):
    incident = died_with(segwhy, python, tmp_path, 1100)
    assert len(incident["threads"]) == 1101
    assert with_stack(incident) == 1000
    crashed = [thread for thread in incident["threads"] if thread["crashed"]]
    assert crashed and crashed[0]["native"]
    assert any("native stacks of 1000" in note for note in incident["capture"]["limits"])


def test_a_few_hundred_are_all_read(segwhy, python, tmp_path):
    incident = died_with(segwhy, python, tmp_path, 300)
    assert with_stack(incident) == len(incident["threads"]) == 301
