"""segwhy run ends exactly as the program ended."""

import signal
import subprocess
import sys

import pytest

from running import lines_of_segwhy, run, same_as_plain

EXIT = "#include <stdlib.h>\nint main(int c, char** v) { return c > 1 ? atoi(v[1]) : 0; }"
DIE = """
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
int main(int c, char** v) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  signal(atoi(v[1]), SIG_DFL);
  kill(getpid(), atoi(v[1]));
  return c;
}
"""
# Real-time signals behave alike: the first and the last stand for them.
STOPS = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}  # see test_job_control.py
SIGNALS = [s for s in [*range(1, 32), 34, 64] if s not in STOPS]


@pytest.mark.parametrize("status", range(256))
def test_every_exit_status(segwhy, workdir, compile_c, status):
    result = run([segwhy, "run", compile_c(EXIT), str(status)])
    assert result.returncode == status
    assert result.stdout == ""
    assert result.stderr == ""


@pytest.mark.parametrize("number", SIGNALS)
def test_every_signal(segwhy, workdir, compile_c, number):
    same_as_plain(segwhy, [compile_c(DIE), str(number)])


def test_python_traceback_is_left_alone(segwhy, workdir, python):
    plain, watched = same_as_plain(segwhy, [python, "-c", "raise ValueError(1)"])
    assert watched.stderr == plain.stderr


def test_sys_exit_and_output(segwhy, workdir, python):
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"
    plain, watched = same_as_plain(segwhy, [python, "-c", code])
    assert watched.stderr == plain.stderr == "err\n"
    assert watched.returncode == 7


def test_unknown_command(segwhy, workdir):
    result = run([segwhy, "run", "no-such-program-anywhere"])
    assert result.returncode == 127
    assert result.stderr == "segwhy: no-such-program-anywhere: command not found\n"


def test_not_executable_directory(segwhy, workdir):
    result = run([segwhy, "run", "/etc/"])
    assert result.returncode == 126
    assert len(lines_of_segwhy(result.stderr)) == 1


def test_broken_executable(segwhy, workdir):
    program = workdir / "broken"
    program.write_bytes(b"\x7fELF" + b"\0" * 100)
    program.chmod(0o755)
    result = run([segwhy, "run", program])
    assert result.returncode == 126
    assert str(program) in result.stderr.splitlines()[-1]


def test_script_without_interpreter_line(segwhy, workdir):
    script = workdir / "script"
    script.write_text("echo from the shell; exit 5\n")
    script.chmod(0o755)
    result = run([segwhy, "run", script])
    assert (result.returncode, result.stdout) == (5, "from the shell\n")


def test_no_process_is_left_behind(segwhy, workdir, compile_c):
    # A subreaper inherits whatever the run leaves.
    code = (
        "import ctypes, os, subprocess, sys\n"
        "ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\n"  # PR_SET_CHILD_SUBREAPER
        "subprocess.run(sys.argv[1:])\n"
        "try: print(os.waitpid(-1, 0))\n"
        "except ChildProcessError: print('none')\n"
    )
    result = run([sys.executable, "-c", code, segwhy, "run", compile_c(EXIT), "0"])
    assert result.stdout == "none\n"


def test_fail_on_error_leaves_success_alone(segwhy, workdir):
    assert run([segwhy, "run", "--fail-on-error", "true"]).returncode == 0
    assert run([segwhy, "run", "--fail-on-error", "false"]).returncode == 1
    killed = run([segwhy, "run", "--fail-on-error", "sh", "-c", "kill -9 $$"])
    assert killed.returncode == -signal.SIGKILL


def test_usage_error_is_one_status(segwhy, workdir):
    assert run([segwhy, "run", "--no-such-option", "true"]).returncode == 2
    assert run([segwhy, "run"]).returncode == 2
    assert run([segwhy]).returncode == 2


def test_version(segwhy):
    result = subprocess.run([segwhy, "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("segwhy ")
