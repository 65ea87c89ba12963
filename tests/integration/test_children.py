"""Children: a report names the process that died, at once, and says where it came from; none is missed, none disturbs."""

import signal
import subprocess

import pytest

from running import lines_of_segwhy, read_json, read_line, run, same_as_plain, wait_until

CRASH = "import ctypes; ctypes.string_at(0)"

POOL = """
import ctypes, multiprocessing as mp, os, sys
def die(n):
    print("worker", os.getpid(), flush=True)
    ctypes.string_at(0)
if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    p = mp.Process(target=die, args=(1,))
    p.start()
    p.join()
    print("joined", p.exitcode, flush=True)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_child_crash(segwhy, workdir, python, method):
    (workdir / "pool.py").write_text(POOL)
    result = run([segwhy, "run", "--python", python, "--json", "out.json", "pool.py", method])
    assert result.returncode == 0
    assert f"joined {-signal.SIGSEGV}" in result.stdout
    worker = int(result.stdout.split()[1])
    assert len(lines_of_segwhy(result.stderr)) == 1
    report = read_json("out.json")
    assert report["program"]["pid"] == worker
    assert report["death"]["signal"] == signal.SIGSEGV
    assert report["program"]["fork"]["origin"] == ("exec" if method == "spawn" else "fork")
    assert len(list(workdir.glob(f"segwhy-*-{worker}.case"))) == 1


def test_fail_on_error_when_only_a_child_dies(segwhy, workdir, python):
    (workdir / "pool.py").write_text(POOL)
    result = run([segwhy, "run", "--python", python, "--fail-on-error", "pool.py", "fork"])
    assert result.returncode == 1


def test_subprocess_crash_is_reported_at_once(segwhy, workdir, python):
    code = (
        "import subprocess, sys\n"
        f"p = subprocess.run([sys.executable, '-c', {CRASH!r}])\n"
        "print('child', p.returncode, flush=True)\n"
        "sys.stdin.readline()\n"
    )
    front = subprocess.Popen(
        [segwhy, "run", python, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert read_line(front.stdout) == f"child {-signal.SIGSEGV}\n"
    # The program has not ended: it waits for us.
    assert read_line(front.stderr).startswith("segwhy:")
    front.communicate("\n", timeout=60)
    assert front.returncode == 0


def test_exec_chain_keeps_pid_and_report(segwhy, workdir, python):
    code = f"import os, sys; os.execv(sys.executable, [sys.executable, '-c', {CRASH!r}])"
    result = run([segwhy, "run", "--json", "out.json", "sh", "-c", 'exec "$@"', "-", python, "-c", code])
    assert result.returncode == -signal.SIGSEGV
    assert len(lines_of_segwhy(result.stderr)) == 1
    report = read_json("out.json")
    assert report["program"]["argv"][1:] == ["-c", CRASH]
    assert report["death"]["address"] == 0


def test_double_fork_crash_goes_to_a_case_after_the_program(segwhy, workdir, compile_c):
    daemon = compile_c("""
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
  if (fork() != 0) return 0;
  setsid();
  if (fork() != 0) return 0;
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
  while (access("go", F_OK) != 0) usleep(1000);
  return *(volatile int*)0;
}
""")
    result = run([segwhy, "run", daemon])
    assert (result.returncode, result.stderr) == (0, "")
    (workdir / "go").touch()
    wait_until(lambda: list(workdir.glob("*.case")), "the daemon's case")


def test_killed_worker_of_a_healthy_program_is_its_business(segwhy, workdir, python):
    code = (
        "import multiprocessing as mp, time\n"
        "p = mp.get_context('fork').Process(target=time.sleep, args=(1000,)); p.start(); p.kill(); p.join()\n"
        "q = mp.get_context('fork').Process(target=time.sleep, args=(1000,)); q.start(); q.terminate(); q.join()\n"
        "print(p.exitcode, q.exitcode)\n"
    )
    _, watched = same_as_plain(segwhy, [python, "-c", code])
    assert watched.stderr == ""


def test_killed_worker_of_a_failing_program_is_told(segwhy, workdir, python):
    code = (
        "import os, sys, signal\n"
        "pid = os.fork()\n"
        "if pid == 0:\n  os.kill(os.getpid(), signal.SIGKILL)\n"
        "os.waitpid(pid, 0)\n"
        "sys.exit('a worker died')\n"
    )
    result = run([segwhy, "run", "--json", "out.json", python, "-c", code])
    assert result.returncode == 1
    assert len(lines_of_segwhy(result.stderr)) == 1
    assert read_json("out.json")["death"]["signal"] == signal.SIGKILL


def test_the_first_crash_of_a_pool_is_the_one_in_the_json(segwhy, workdir, python):
    """GIVEN a pool that ends its other workers when one dies WHEN they are told THEN the crash is what stays."""
    (workdir / "pool.py").write_text(
        "import os, time\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "def work(n):\n  time.sleep(0.2)\n  os.abort() if n == 1 else time.sleep(100)\n"
        "if __name__ == '__main__':\n  list(ProcessPoolExecutor(3).map(work, range(3)))\n"
    )
    result = run([segwhy, "run", "--json", "out.json", "--case", "one.case", python, "pool.py"])
    assert result.returncode == 1
    # At the moment of the crash another process may be in the middle of a line.
    assert result.stderr.count("segwhy: ") == result.stderr.count("segwhy: abort") == 1, result.stderr
    assert read_json("out.json")["death"]["signal"] == signal.SIGABRT
    assert read_json("one.case")["death"]["signal"] == signal.SIGABRT


def test_failing_children_are_their_parents_business(segwhy, workdir):
    _, watched = same_as_plain(segwhy, ["sh", "-c", "false; grep x /dev/null; sh -c 'exit 3'; true"])
    assert watched.stderr == ""


FORKS = """
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int c, char** v) {
  for (int i = 0; i < 10000; ++i) {
    int pid = fork();
    if (pid == 0) _exit(0);
    waitpid(pid, 0, 0);
  }
  int pid = fork();
  if (pid == 0) return *(volatile int*)0;
  waitpid(pid, 0, 0);
  puts("done");
}
"""


def test_ten_thousand_forks_do_not_use_up_anything(segwhy, workdir, compile_c):
    result = run([segwhy, "run", "--json", "out.json", compile_c(FORKS)])
    assert (result.returncode, result.stdout) == (0, "done\n")
    # The last child found a place for its crash.
    assert read_json("out.json")["death"]["signal"] == signal.SIGSEGV
    assert len(lines_of_segwhy(result.stderr)) == 1


def test_many_crashing_children_at_once(segwhy, workdir, compile_c):
    program = compile_c("""
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
  for (int i = 0; i < 12; ++i)
    if (fork() == 0) return *(volatile int*)0;
  int status, crashed = 0;
  while (wait(&status) > 0) crashed += WIFSIGNALED(status) && WTERMSIG(status) == 11;
  printf("%d\\n", crashed);
}
""")
    result = run([segwhy, "run", program])
    assert (result.returncode, result.stdout) == (0, "12\n")
    assert 8 <= len(lines_of_segwhy(result.stderr)) <= 12


def test_child_in_a_pid_namespace_of_its_own(segwhy, workdir, compile_c):
    if subprocess.run(["unshare", "-p", "-f", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("unshare -p is not permitted here")
    program = compile_c("int main(void) { return *(volatile int*)0; }")
    result = run([segwhy, "run", "unshare", "-p", "-f", program])
    # As pid 1 of its namespace the signal's default action is not suppressed: a fault is forced.
    plain = run(["unshare", "-p", "-f", program])
    assert result.returncode == plain.returncode


def test_crash_in_two_threads_at_once_is_one_report(segwhy, workdir, compile_c):
    program = compile_c("""
#include <pthread.h>
pthread_barrier_t barrier;
void* die(void* p) {
  pthread_barrier_wait(&barrier);
  *(volatile int*)p = 1;
  return 0;
}
int main(void) {
  pthread_t t[4];
  pthread_barrier_init(&barrier, 0, 4);
  for (int i = 0; i < 4; ++i) pthread_create(&t[i], 0, die, 0);
  for (int i = 0; i < 4; ++i) pthread_join(t[i], 0);
}
""", "-pthread")
    result = run([segwhy, "run", program])
    assert result.returncode == -signal.SIGSEGV
    assert len(lines_of_segwhy(result.stderr)) == 1


def test_crash_while_another_thread_forks(segwhy, workdir, compile_c):
    program = compile_c("""
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
volatile int forked;
void* die(void* p) {
  while (forked < 20);
  *(volatile int*)p = 1;
  return 0;
}
int main(void) {
  pthread_t t;
  pthread_create(&t, 0, die, 0);
  for (;;) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    ++forked;
    waitpid(child, 0, 0);
  }
}
""", "-pthread", "-O1")
    for _ in range(10):
        result = run([segwhy, "run", program])
        assert result.returncode == -signal.SIGSEGV
        assert len(lines_of_segwhy(result.stderr)) == 1, result.stderr


@pytest.mark.parametrize("where", ["prepare", "parent", "child"])
def test_crash_inside_a_fork_handler(segwhy, workdir, compile_c, where):
    handlers = ", ".join("die" if where == place else "0" for place in ("prepare", "parent", "child"))
    program = compile_c(f"""
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
void die(void) {{ *(volatile int*)0 = 1; }}
int main(void) {{
  pthread_atfork({handlers});
  pid_t child = fork();
  if (child == 0) _exit(0);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 40 + WTERMSIG(status) : 0;
}}
""", "-pthread")
    result = run([segwhy, "run", program])
    assert result.returncode == (40 + signal.SIGSEGV if where == "child" else -signal.SIGSEGV)
    assert [line.split(" (")[0] for line in lines_of_segwhy(result.stderr)] == ["segwhy: null-pointer"], result.stderr


def test_handled_faults_are_not_incidents(segwhy, workdir, compile_c):
    program = compile_c("""
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
sigjmp_buf back;
void on_fault(int s) { siglongjmp(back, s); }
int main(void) {
  signal(SIGSEGV, on_fault);
  int survived = 0;
  for (int i = 0; i < 50; ++i) {
    if (sigsetjmp(back, 1) == 0) *(volatile int*)0 = 1;
    else ++survived;
  }
  printf("%d\\n", survived);
  return 0;
}
""")
    _, watched = same_as_plain(segwhy, [program])
    assert watched.stderr == ""


def test_faulthandler_still_prints_and_the_report_follows(segwhy, workdir, python):
    code = f"import faulthandler; faulthandler.enable(); {CRASH}"
    plain, watched = same_as_plain(segwhy, [python, "-c", code])
    assert plain.returncode == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in watched.stderr
    assert len(lines_of_segwhy(watched.stderr)) == 1
