"""SIGKILL at any moment, to any of the processes: never a hang, never a changed status, always a report or one clear line."""

import concurrent.futures
import os
import random
import select
import signal
import subprocess

import pytest

from running import alive, children_of, lines_of_segwhy, monitor_of, name_of, program_of, read_json, run, wait_until

RUNS = 200
SEED = int(os.environ.get("SEGWHY_TEST_SEED", "20240607"))

# Works for some milliseconds with children coming and going, then dies of a null pointer.
WORKER = """
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int c, char** v) {
  for (int i = 0; i < 20; ++i) {
    int pid = fork();
    if (pid == 0) _exit(0);
    waitpid(pid, 0, 0);
    usleep(1000);
  }
  if (c > 1) return atoi(v[1]);
  return *(volatile int*)0;
}
"""


def pause(seconds):
    select.select([], [], [], seconds)


def start(segwhy, directory, *arguments):
    return subprocess.Popen(
        [segwhy, "run", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=directory,
        stdin=subprocess.DEVNULL,
    )


def many(count, trial):
    """Runs trial(random generator) `count` times, two at a time; each has a seed of its own, named when it fails."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        trials = {seed: pool.submit(trial, random.Random(seed)) for seed in range(SEED, SEED + count)}
        for seed, future in trials.items():
            try:
                future.result()
            except AssertionError as failure:
                raise AssertionError(f"SEGWHY_TEST_SEED={seed}: {failure}") from failure


def kill_child_named(front, name, delay_s):
    pause(delay_s)
    for child in children_of(front.pid):
        if name_of(child) == name:
            os.kill(child, signal.SIGKILL)
            return


def finish(front):
    _, err = front.communicate(timeout=60)
    return front.returncode, lines_of_segwhy(err)


@pytest.mark.parametrize("status", [None, 7, 0])
def test_monitor_killed_at_random_moments(segwhy, workdir, compile_c, status):
    program = compile_c(WORKER)
    arguments = [program] if status is None else [program, str(status)]
    expected = -signal.SIGSEGV if status is None else status

    def trial(rng):
        front = start(segwhy, workdir, *arguments)
        kill_child_named(front, "segwhy-monitor", rng.uniform(0, 0.08))
        code, lines = finish(front)
        assert code == expected
        if status is None:
            assert lines, "neither a report nor a line"
        # A monitor that dies between its report and saying so to the front makes the front's line a second one.
        assert len(lines) <= 2, lines

    many(RUNS if status is None else RUNS // 4, trial)


def test_program_killed_at_random_moments(segwhy, workdir, compile_c):
    program = compile_c(WORKER)

    def trial(rng):
        front = start(segwhy, workdir, program)
        pause(rng.uniform(0, 0.08))
        # Only the program is neither of Segwhy's own nor still the front's copy before exec.
        own = {"segwhy", "segwhy-monitor", "segwhy-sentinel"}
        for child in children_of(front.pid):
            if name_of(child) not in own:
                os.kill(child, signal.SIGKILL)
        code, lines = finish(front)
        assert code in (-signal.SIGKILL, -signal.SIGSEGV)
        assert len(lines) == 1

    many(RUNS, trial)


def test_sentinel_killed(segwhy, workdir):
    front = start(segwhy, workdir, "sleep", "1000")
    program_of(front.pid)
    kill_child_named(front, "segwhy-sentinel", 0)
    front.send_signal(signal.SIGTERM)
    code, _ = finish(front)
    assert code == -signal.SIGTERM


def test_front_killed_takes_the_program_along_and_is_reported(segwhy, workdir):
    front = start(segwhy, workdir, "--json", "out.json", "sleep", "1000")
    program = program_of(front.pid)
    monitor = monitor_of(front.pid)
    front.kill()
    code, lines = finish(front)
    assert code == -signal.SIGKILL
    wait_until(lambda: not alive(program), "the program's end")
    wait_until(lambda: not alive(monitor), "the monitor's end")
    assert len(lines) == 1
    assert read_json(workdir / "out.json")["death"]["signal"] == signal.SIGKILL


def test_front_killed_at_random_moments(segwhy, workdir, compile_c):
    program = compile_c(WORKER)

    def trial(rng):
        front = start(segwhy, workdir, program)
        pause(rng.uniform(0, 0.06))
        front.kill()
        # The end of the stream: nobody holds standard error any more.
        finish(front)
        assert front.returncode in (-signal.SIGKILL, -signal.SIGSEGV)

    many(RUNS // 4, trial)


def test_everything_killed_leaves_nothing(segwhy, workdir):
    front = subprocess.Popen([segwhy, "run", "sleep", "1000"], process_group=0, stderr=subprocess.DEVNULL)
    program = program_of(front.pid)
    monitor = monitor_of(front.pid)
    os.killpg(front.pid, signal.SIGKILL)
    front.wait(60)
    for pid in (program, monitor):
        wait_until(lambda pid=pid: not alive(pid), f"the end of {pid}")


def test_killed_program_says_so_once(segwhy, workdir):
    result = run([segwhy, "run", "sh", "-c", "kill -9 $$"])
    assert result.returncode == -signal.SIGKILL
    assert len(lines_of_segwhy(result.stderr)) == 1
