"""The terminal: Ctrl-C, Ctrl-Z, background jobs, through a pseudo-terminal with a real shell or with the test as its shell."""

import os
import pty
import signal

import pytest

from running import alive, program_of, state_of, wait_until

COUNTING = """
import os, signal, sys, time
def note(number, frame): print("got", signal.Signals(number).name, flush=True)
signal.signal(signal.SIGINT, note)
signal.signal(signal.SIGQUIT, note)
signal.signal(signal.SIGUSR2, lambda *_: sys.exit(9))
print("ready", os.getpid(), flush=True)
while True: time.sleep(0.01)
"""


class Terminal:
    """A session of its own on a pseudo-terminal, running `arguments` in the foreground."""

    def __init__(self, arguments):
        self.output = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvp(arguments[0], arguments)

    def type(self, text):
        os.write(self.fd, text)

    def wait_for(self, text):
        def seen():
            os.set_blocking(self.fd, False)
            try:
                self.output += os.read(self.fd, 65536)
            except (BlockingIOError, OSError):
                pass
            return text in self.output

        wait_until(seen, f"{text!r} in {self.output!r}")
        before, _, self.output = self.output.partition(text)
        return before

    def wait_for_word_after(self, text):
        self.wait_for(text)
        self.wait_for(b" ")
        return self.wait_for(b"\r\n")

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@pytest.fixture
def terminal(workdir):
    opened = []

    def make(*arguments):
        opened.append(Terminal([str(a) for a in arguments]))
        return opened[-1]

    yield make
    for one in opened:
        try:
            one.close()
        except ProcessLookupError:
            pass


@pytest.fixture
def shell(terminal):
    os.environ["PS1"] = "$ "
    return terminal("bash", "--norc", "--noprofile", "--noediting", "-i")


def test_ctrl_c_arrives_once(terminal, segwhy, python):
    tty = terminal(segwhy, "run", python, "-c", COUNTING)
    program = int(tty.wait_for_word_after(b"ready"))
    tty.type(b"\x03")
    tty.wait_for(b"got SIGINT")
    tty.type(b"\x1c")
    assert b"got" not in tty.wait_for(b"got SIGQUIT")
    os.kill(program, signal.SIGUSR2)
    assert os.waitpid(tty.pid, 0)[1] == 9 << 8


def test_ctrl_c_ends_as_the_program_without_a_report(terminal, segwhy, python):
    tty = terminal(segwhy, "run", python, "-c", "import time; print('ready'); time.sleep(1000)")
    tty.wait_for(b"ready")
    tty.type(b"\x03")
    assert os.WTERMSIG(os.waitpid(tty.pid, 0)[1]) == signal.SIGINT
    assert b"segwhy" not in tty.output


def test_ctrl_z_and_foreground(shell, segwhy, python):
    shell.wait_for(b"$ ")
    shell.type(f"{segwhy} run {python} -c 'print(\"rea\" + \"dy\"); input(); print(\"do\" + \"ne\")'\n".encode())
    shell.wait_for(b"ready")
    shell.type(b"\x1a")
    shell.wait_for(b"Stopped")
    shell.type(b"fg\n")
    shell.wait_for(b"run")
    shell.type(b"\n")
    shell.wait_for(b"done")
    shell.type(b"echo status=$?\n")
    shell.wait_for(b"status=0")


def test_stop_is_passed_up_and_continue_down(segwhy, workdir):
    front = os.spawnlp(os.P_NOWAIT, segwhy, segwhy, "run", "sleep", "1000")
    program = program_of(front)
    os.kill(program, signal.SIGSTOP)
    _, status = os.waitpid(front, os.WUNTRACED)
    assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGSTOP
    os.kill(front, signal.SIGCONT)
    wait_until(lambda: state_of(program) == "S", "the program goes on")
    # SIGTSTP is tested with a shell (test_ctrl_z_and_foreground): it stops nothing in an orphaned process group, which
    # this test may run in.
    os.kill(front, signal.SIGTERM)
    assert os.WTERMSIG(os.waitpid(front, 0)[1]) == signal.SIGTERM


def test_background_read_stops_with_sigttin(shell, segwhy):
    shell.wait_for(b"$ ")
    shell.type(f"{segwhy} run cat & echo pid=$!=\n".encode())
    shell.wait_for(b"\r\n")  # the echo of the command
    shell.wait_for(b"pid=")
    front = int(shell.wait_for(b"="))
    wait_until(lambda: state_of(front) == "T", "the front stops")
    shell.type(b"jobs -l\n")
    shell.wait_for(b"Stopped (tty input)")
    shell.wait_for(b"$ ")
    shell.type(b"fg\n")
    shell.wait_for(b"fg\r\n")
    shell.wait_for(b"run cat\r\n")
    shell.type(b"hello\n")
    shell.wait_for(b"hello\r\nhello")
    shell.type(b"\x04")
    shell.type(b"echo status=$?\n")
    shell.wait_for(b"status=0")


def test_background_job_is_not_disturbed_by_ctrl_c(shell, segwhy):
    shell.wait_for(b"$ ")
    shell.type(f"{segwhy} run sleep 1000 & echo pid=$!=\n".encode())
    shell.wait_for(b"\r\n")  # the echo of the command, which has "pid=" too
    shell.wait_for(b"pid=")
    front = int(shell.wait_for(b"="))
    program = program_of(front)
    shell.wait_for(b"$ ")
    shell.type(b"\x03")
    shell.wait_for(b"$ ")
    shell.type(b"echo al\"\"ive\n")
    shell.wait_for(b"alive")
    assert alive(front) and alive(program)
    shell.type(b"kill %1; wait %1; echo status=$?\n")
    shell.wait_for(b"status=143")


def test_no_controlling_terminal(segwhy, workdir, python):
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.execv(segwhy, [segwhy, "run", python, "-c", "import sys; sys.exit(3)"])
    assert os.waitpid(pid, 0)[1] == 3 << 8


def test_report_on_a_raw_terminal_starts_new_lines(terminal, segwhy, compile_c, monkeypatch):
    monkeypatch.setenv("SEGWHY_DIR", ".")  # short enough not to be broken into lines
    program = compile_c("""
#include <stdlib.h>
#include <termios.h>
#include <signal.h>
#include <unistd.h>
int main(void) {
  struct termios mode;
  tcgetattr(2, &mode);
  cfmakeraw(&mode);
  tcsetattr(2, TCSANOW, &mode);
  kill(getpid(), SIGKILL);
}
""")
    tty = terminal(segwhy, "run", program)
    tty.wait_for(b"segwhy: ")
    wait_until(lambda: not alive(tty.pid), "the end")
    tty.wait_for(b".case")
    assert b"\n" not in tty.output.replace(b"\r\n", b"")
