"""Descriptors: standard input and output are the program's alone, and nothing of Segwhy's leaks into it."""

import os
import signal
import subprocess
import sys

import pytest

from running import alive, lines_of_segwhy, monitor_of, open_descriptors, program_of, read_line, run, same_as_plain, wait_until

SHOW_DESCRIPTORS = "import os; print(sorted(int(n) for n in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + n)))"


def test_piped_standard_input(segwhy, workdir):
    text = "x" * 1_000_000
    result = run([segwhy, "run", "wc", "-c"], input=text, stdin=None)
    assert result.stdout.strip() == "1000000"


def test_standard_input_at_its_end(segwhy, workdir):
    same_as_plain(segwhy, ["cat"])


def test_writer_learns_that_the_reader_is_gone(segwhy, workdir):
    # The front must not keep the pipe open on the program's behalf.
    script = f"yes | {segwhy} run sh -c 'exec <&-; echo closed; while [ -e hold ]; do :; done'; echo ${{PIPESTATUS[0]}}"
    (workdir / "hold").touch()
    shell = subprocess.Popen(["bash", "-c", script], stdout=subprocess.PIPE, text=True, cwd=workdir)
    assert read_line(shell.stdout) == "closed\n"
    yes = wait_until(lambda: subprocess.run(["pgrep", "-P", str(shell.pid), "-x", "yes"]).returncode == 1, "yes got SIGPIPE")
    assert yes
    (workdir / "hold").unlink()
    assert shell.communicate(timeout=60)[0] == "141\n"


def test_reader_sees_the_end_while_the_program_runs_on(segwhy, workdir):
    front = subprocess.Popen(
        [segwhy, "run", "sh", "-c", "echo out; exec >&-; exec sleep 1000"], stdout=subprocess.PIPE, text=True
    )
    assert front.stdout.read() == "out\n"
    assert front.poll() is None
    front.terminate()
    assert front.wait(60) == -signal.SIGTERM


def test_broken_pipe_is_the_programs(segwhy, workdir):
    result = subprocess.run(
        ["bash", "-c", f"{segwhy} run yes | head -n 1; echo ${{PIPESTATUS[0]}}"], capture_output=True, text=True, timeout=60
    )
    assert result.stdout == "y\n141\n"
    assert result.stderr == ""


def test_no_descriptor_leaks(segwhy, workdir, python):
    same_as_plain(segwhy, [python, "-c", SHOW_DESCRIPTORS], "--protect", "off")


def test_protection_takes_one_high_descriptor_at_most(segwhy, workdir, python):
    """The userfaultfd has to stay open; it must not shift the numbers that the program gets."""
    code = "import os; print([f for f in map(int, os.listdir('/proc/self/fd')) if f < 900], os.dup(1))"
    same_as_plain(segwhy, [python, "-c", code], "--protect", "tensors")
    code = "import os; print(len([f for f in map(int, os.listdir('/proc/self/fd')) if f >= 900]) <= 1)"
    same_as_plain(segwhy, [python, "-c", code], "--protect", "tensors")


def test_inherited_descriptors_stay(segwhy, workdir, python):
    read_end, write_end = os.pipe()
    code = f"import os; os.write({write_end}, b'hi'); {SHOW_DESCRIPTORS}"
    same_as_plain(segwhy, [python, "-c", code], "--protect", "off", pass_fds=[write_end])
    assert os.read(read_end, 10) == b"hihi"


@pytest.mark.parametrize("closed", [[0], [1], [2], [0, 1], [1, 2], [0, 1, 2]])
def test_closed_standard_descriptors(segwhy, workdir, python, closed):
    """What the program opens first lands on the closed number, and never holds a report."""
    code = (
        "import os, signal\n"
        "mine = os.open('mine', os.O_RDWR | os.O_CREAT | os.O_TRUNC)\n"
        "with open('descriptor', 'w') as f: f.write(str(mine))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    redirect = " ".join(f"{fd}>&-" for fd in closed)
    plain = run(["bash", "-c", f'exec "$@" {redirect}', "-", python, "-c", code])
    plain_descriptor = (workdir / "descriptor").read_text()
    watched = run(["bash", "-c", f'exec "$@" {redirect}', "-", segwhy, "run", python, "-c", code])
    assert watched.returncode == plain.returncode == -signal.SIGKILL
    assert (workdir / "descriptor").read_text() == plain_descriptor
    assert (workdir / "mine").read_text() == ""
    assert bool(lines_of_segwhy(watched.stderr)) == (2 not in closed)
    # The case is saved all the same.
    assert list(workdir.glob("*.case"))


def test_report_comes_after_all_output(segwhy, workdir, python):
    code = "import os, sys; sys.stderr.write('last words\\n'); sys.stderr.flush(); os.kill(os.getpid(), 9)"
    result = run([segwhy, "run", python, "-c", code])
    assert result.stdout == ""
    assert result.stderr.index("last words") < result.stderr.index("segwhy:")


def test_reader_of_standard_error_that_never_reads(segwhy, workdir):
    """A full pipe delays the end by a bounded time and changes nothing."""
    code = "import fcntl, os, sys; fcntl.fcntl(2, 1031, 4096); os.set_blocking(2, False)\n"
    fill = "try:\n  while True: os.write(2, b'x' * 4096)\nexcept BlockingIOError: pass\nos.kill(os.getpid(), 9)"
    front = subprocess.Popen([segwhy, "run", sys.executable, "-c", code + fill], stderr=subprocess.PIPE)
    assert front.wait(60) == -signal.SIGKILL


def test_caller_sees_the_end_of_standard_error_while_daemons_live(segwhy, workdir, compile_c):
    daemon = compile_c("""
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
  if (fork() == 0) {
    setsid();
    if (fork() == 0) {
      int null = open("/dev/null", O_RDWR);
      for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
      FILE* f = fopen("daemon.pid", "w");
      fprintf(f, "%d\\n", getpid());
      fclose(f);
      pause();
    }
    _exit(0);
  }
  while (access("daemon.pid", F_OK) != 0) usleep(1000);
}
""")
    front = subprocess.Popen([segwhy, "run", daemon], stderr=subprocess.PIPE, text=True)
    assert front.communicate(timeout=60) == (None, "")
    assert front.returncode == 0
    pid = int(wait_until((workdir / "daemon.pid").read_text, "the daemon's pid"))
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_monitor_holds_only_what_it_needs(segwhy, workdir):
    front = subprocess.Popen([segwhy, "run", "sleep", "1000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    program_of(front.pid)
    monitor = monitor_of(front.pid)
    output = os.readlink(f"/proc/self/fd/{front.stdout.fileno()}")
    for pid in (front.pid, monitor):
        wait_until(lambda pid=pid: output not in open_descriptors(pid).values(), "it lets go of the program's output")
    front.terminate()
    front.communicate(timeout=60)
