"""Signals reach the program as if it had been started without segwhy: once, whoever sends them."""

import os
import signal
import subprocess
import sys

import pytest

from running import monitor_of, program_of, read_json, read_line, run, wait_until, alive

# Counts what it gets and says so; ends on USR2.
COUNTER = """
import os, signal, sys, time
count = {}
def note(number, frame):
    count[number] = count.get(number, 0) + 1
    print(signal.Signals(number).name, count[number], flush=True)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH, signal.SIGCONT, signal.SIGALRM,
               signal.SIGQUIT, signal.SIGABRT):
    signal.signal(number, note)
signal.signal(signal.SIGUSR2, lambda *_: sys.exit(9))
print("ready", os.getpid(), os.getppid(), flush=True)
while True:
    time.sleep(0.01)  # not pause(): a signal just before it would be handled only after the next one
"""


@pytest.fixture
def counter(segwhy, workdir, python):
    """A running counter under segwhy in a process group of its own: (front Popen, program pid)."""
    front = subprocess.Popen(
        [segwhy, "run", python, "-c", COUNTER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        stdin=subprocess.DEVNULL, process_group=0,
    )
    _, pid, parent = read_line(front.stdout).split()
    assert int(parent) == front.pid
    yield front, int(pid)
    if front.poll() is None:
        os.kill(int(pid), signal.SIGKILL)
    front.communicate()


def end(front, pid):
    os.kill(pid, signal.SIGUSR2)
    out, err = front.communicate(timeout=60)
    assert front.returncode == 9
    return out.split("\n")[:-1], err


FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGWINCH", "SIGCONT", "SIGALRM", "SIGQUIT", "SIGABRT"]


@pytest.mark.parametrize("name", FORWARDED)
def test_signal_to_the_front_is_forwarded_once(counter, name):
    front, pid = counter
    front.send_signal(getattr(signal, name))
    assert read_line(front.stdout) == f"{name} 1\n"
    assert end(front, pid)[0] == []


@pytest.mark.parametrize("name", FORWARDED)
def test_signal_to_the_group_arrives_once(counter, name):
    front, pid = counter
    os.killpg(front.pid, getattr(signal, name))
    assert read_line(front.stdout) == f"{name} 1\n"
    # A second delivery would come before this one.
    front.send_signal(signal.SIGUSR1 if name != "SIGUSR1" else signal.SIGTERM)
    assert read_line(front.stdout).startswith("SIGUSR1" if name != "SIGUSR1" else "SIGTERM")
    assert end(front, pid)[0] == []


def test_every_signal_of_a_series_to_the_group_arrives_once(counter):
    front, pid = counter
    for number in range(1, 21):
        os.killpg(front.pid, signal.SIGTERM)
        assert read_line(front.stdout) == f"SIGTERM {number}\n"
    assert end(front, pid)[0] == []


def test_default_action_of_a_forwarded_signal(segwhy, workdir):
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGALRM):
        front = subprocess.Popen([segwhy, "run", "sleep", "1000"], stderr=subprocess.DEVNULL)
        program_of(front.pid)
        front.send_signal(number)
        assert front.wait(60) == -number


def test_queued_value_is_passed_on(segwhy, workdir, compile_c):
    program = compile_c("""
#include <signal.h>
#include <stdio.h>
int main(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN + 3);
  sigprocmask(SIG_BLOCK, &set, 0);
  puts("ready");
  fflush(stdout);
  siginfo_t info;
  sigwaitinfo(&set, &info);
  printf("%d %d\\n", info.si_code == SI_QUEUE, info.si_value.sival_int);
}
""")
    sender = compile_c("""
#include <signal.h>
#include <stdlib.h>
int main(int c, char** v) {
  union sigval value = {.sival_int = 4711};
  return c > 1 ? sigqueue(atoi(v[1]), SIGRTMIN + 3, value) : 1;
}
""")
    front = subprocess.Popen([segwhy, "run", program], stdout=subprocess.PIPE, text=True)
    assert read_line(front.stdout) == "ready\n"
    subprocess.run([sender, str(front.pid)], check=True)
    assert front.communicate(timeout=60)[0] == "1 4711\n"


def test_alarm_set_before_segwhy_reaches_the_program(segwhy, workdir, python):
    # The old idiom: perl -e 'alarm 10; exec @ARGV'.
    code = "import os, signal, sys; signal.setitimer(signal.ITIMER_REAL, 0.3); os.execv(sys.argv[1], sys.argv[1:])"
    result = run([python, "-c", code, segwhy, "run", "--quiet", "sleep", "1000"])
    assert result.returncode == -signal.SIGALRM


@pytest.mark.parametrize("tool", [[], ["--foreground"]])
def test_under_timeout(segwhy, workdir, python, tool):
    code = (
        "import signal, sys, time\n"
        "seen = []\n"
        "signal.signal(signal.SIGTERM, lambda *_: seen.append(1))\n"
        "while not seen: signal.pause()\n"
        "sys.exit(40 + len(seen))\n"
    )
    plain = run(["timeout", *tool, "1", python, "-c", code])
    watched = run(["timeout", *tool, "1", segwhy, "run", python, "-c", code])
    assert plain.returncode == watched.returncode == 124


def test_group_kill_by_timeout_still_reports(segwhy, workdir):
    front = subprocess.Popen(
        [segwhy, "run", "--json", "out.json", "sleep", "1000"], stderr=subprocess.PIPE, process_group=0
    )
    program_of(front.pid)
    monitor = monitor_of(front.pid)
    os.killpg(front.pid, signal.SIGKILL)
    assert front.wait(60) == -signal.SIGKILL
    wait_until(lambda: not alive(monitor), "the monitor's end")
    assert os.path.exists("out.json")


def test_ignored_and_blocked_signals_are_inherited(segwhy, workdir, python):
    show = (
        "for line in open('/proc/self/status'):\n"
        "    if line.startswith(('SigBlk', 'SigIgn')): print(line.strip())\n"
    )
    start = (
        "import os, signal, sys\n"
        "for s in (signal.SIGHUP, signal.SIGCHLD, signal.SIGINT): signal.signal(s, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM])\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    sleeper = ["sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status"]
    plain = run([python, "-c", start, "/bin/sh", *sleeper[1:]])
    watched = run([python, "-c", start, segwhy, "run", *sleeper])
    assert watched.stdout == plain.stdout
    assert "SigIgn" in plain.stdout
    assert run([python, "-c", start, python, "-c", show]).stdout == run(
        [python, "-c", start, segwhy, "run", python, "-c", show]
    ).stdout


def test_sigterm_report_names_the_real_sender(segwhy, workdir):
    front = subprocess.Popen([segwhy, "run", "--json", "out.json", "sleep", "1000"], stderr=subprocess.DEVNULL)
    program_of(front.pid)
    front.send_signal(signal.SIGTERM)
    assert front.wait(60) == -signal.SIGTERM
    import running

    assert read_json("out.json")["death"]["sender_pid"] == os.getpid()


def test_a_program_that_timeout_ends_under_segwhy_is_looked_at(segwhy, workdir, python):
    """GIVEN `segwhy run timeout ...` WHEN the time is up THEN the sender has its name and the Python line is known."""
    (workdir / "sleepy.py").write_text("import time\ntime.sleep(100)\n")
    run([segwhy, "run", "--json", "out.json", "--", "timeout", "1", python, "sleepy.py"])
    incident = read_json("out.json")
    assert incident["where"]["line"] == 2
    assert "timeout" in incident["verdict"]["summary"]


def test_killing_segwhy_is_told_as_such(segwhy, workdir):
    process = subprocess.Popen([segwhy, "run", "--json", "out.json", "sleep", "1000"], stderr=subprocess.DEVNULL)
    program = program_of(process.pid)
    process.kill()
    process.wait()
    wait_until(lambda: not alive(program) and (workdir / "out.json").exists(), "the end of the program is told")
    assert "segwhy, which was itself killed" in read_json("out.json")["verdict"]["summary"]
