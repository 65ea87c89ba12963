"""Poor surroundings: few descriptors, nowhere to write, no /proc, no ptrace, no rights. Never a hang, never a changed status,
always a report or one clear line."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

from running import lines_of_segwhy, run, wait_until

CRASH = "int main(void) { return *(volatile int*)0; }"


@pytest.fixture
def crash(compile_c):
    return compile_c(CRASH)


def check(result, reports=1):
    assert result.returncode == -signal.SIGSEGV
    assert len(lines_of_segwhy(result.stderr)) >= reports, result.stderr
    return result


def under_shell(limit, *arguments):
    # exec: the shell's own "Segmentation fault" must not stand between us and the status.
    return run(["bash", "-c", f'{limit}; exec "$@"', "-", *arguments])


@pytest.mark.parametrize(
    "limit",
    ["ulimit -n 16", "ulimit -n 10", "ulimit -c 0", "ulimit -f 0", "ulimit -s 256", "ulimit -v 4000000", "ulimit -t 5"],
)
def test_limits(segwhy, workdir, crash, limit):
    check(under_shell(limit, segwhy, "run", crash))


def test_program_gets_the_limits_the_user_set(segwhy, workdir):
    script = "ulimit -n; ulimit -s; ulimit -c; ulimit -f"
    plain = under_shell("ulimit -S -n 64 -s 1024 -c 0 -f 100", "sh", "-c", script)
    watched = under_shell("ulimit -S -n 64 -s 1024 -c 0 -f 100", segwhy, "run", "sh", "-c", script)
    assert watched.stdout == plain.stdout


def test_read_only_directory(segwhy, workdir, crash, monkeypatch):
    if os.getuid() == 0:
        # Root may write anywhere: a directory that cannot hold files does the same.
        monkeypatch.setenv("SEGWHY_DIR", "/proc/self")
    else:
        workdir.chmod(0o555)
    result = check(run([segwhy, "run", crash]))
    complaints = [line for line in lines_of_segwhy(result.stderr) if ".case" in line and "create" in line]
    assert len(complaints) == 1


def test_full_disk(segwhy, workdir, crash, monkeypatch):
    full = workdir / "full"
    full.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", full], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("mounting a small tmpfs is not permitted here")
    try:
        (full / "filler").write_bytes(b"x" * 8192)
        monkeypatch.setenv("SEGWHY_DIR", str(full))
        result = check(run([segwhy, "run", "--json", full / "out.json", crash]))
        assert sum("No space left" in line for line in lines_of_segwhy(result.stderr)) == 2
        assert [path.name for path in full.iterdir()] == ["filler"]
    finally:
        subprocess.run(["umount", full], check=True)


def test_standard_error_on_a_full_device(segwhy, workdir, crash):
    with open("/dev/full", "w") as full:
        assert subprocess.run([segwhy, "run", crash], stderr=full, timeout=60).returncode == -signal.SIGSEGV
    assert list(workdir.glob("*.case"))


def test_without_proc(segwhy, workdir, crash):
    if subprocess.run(["unshare", "-m", "sh", "-c", "umount -l /proc"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("unmounting /proc is not permitted here")
    check(run(["unshare", "-m", "sh", "-c", 'umount -l /proc; exec "$@"', "-", segwhy, "run", crash]))
    ended_well = run(["unshare", "-m", "sh", "-c", 'umount -l /proc; exec "$@"', "-", segwhy, "run", "echo", "hello"])
    assert (ended_well.returncode, ended_well.stdout, ended_well.stderr) == (0, "hello\n", "")


def test_without_dev_null(segwhy, workdir, crash):
    if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/dev"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("mounting over /dev is not permitted here")
    check(run(["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /dev; exec "$@"', "-", segwhy, "run", crash]))


@pytest.fixture
def for_everyone():
    """A directory that another user can reach and write to."""
    place = tempfile.mkdtemp(prefix="segwhy-user-")
    os.chmod(place, 0o777)
    yield place
    shutil.rmtree(place)


def copy_installation(segwhy, place, *programs):
    directory = os.path.dirname(os.path.realpath(segwhy))
    candidates = ["../lib/segwhy/libsegwhy.so", "libsegwhy.so", "../runtime/libsegwhy.so"]
    library = next(p for p in (os.path.join(directory, c) for c in candidates) if os.path.exists(p))
    for path in (os.path.realpath(segwhy), library, *programs):
        shutil.copy(path, place)
        os.chmod(os.path.join(place, os.path.basename(path)), 0o755)
    return os.path.join(place, os.path.basename(os.path.realpath(segwhy)))


def as_nobody(*arguments, **options):
    user = [] if os.getuid() != 0 else ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    return run([*user, *arguments], **options)


def test_ordinary_user(segwhy, workdir, crash, for_everyone, monkeypatch):
    copied = copy_installation(segwhy, for_everyone, crash)
    monkeypatch.setenv("SEGWHY_DIR", for_everyone)
    program = os.path.join(for_everyone, os.path.basename(crash))
    result = as_nobody(copied, "run", program, cwd=for_everyone)
    check(result)
    cases = [name for name in os.listdir(for_everyone) if name.endswith(".case")]
    assert len(cases) == 1
    assert os.stat(os.path.join(for_everyone, cases[0])).st_mode & 0o777 == 0o600


def test_without_ptrace(segwhy, workdir, crash, compile_c):
    """A container's seccomp filter that refuses ptrace and process_vm_readv."""
    filtered = compile_c("""
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int c, char** v) {
  struct sock_filter code[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 2, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
  };
  struct sock_fprog program = {5, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 99;
  execv(v[1], v + 1);
  return c;
}
""")
    check(run([filtered, segwhy, "run", crash]))


def test_setuid_program_runs_plainly_with_one_line(segwhy, workdir):
    if os.getuid() == 0:
        pytest.skip("root runs setuid-root programs with its own rights: nothing to see")
    result = run([segwhy, "run", "su", "--version"])
    assert result.returncode == 0
    assert len(lines_of_segwhy(result.stderr)) == 1


def test_static_program_runs_plainly_with_one_line(segwhy, workdir, compile_c):
    result = run([segwhy, "run", compile_c('#include <stdio.h>\nint main(void) { puts("hi"); return 3; }', "-static")])
    assert (result.returncode, result.stdout) == (3, "hi\n")
    assert "statically linked" in result.stderr
    assert len(lines_of_segwhy(result.stderr)) == 1


def test_static_program_that_dies_is_still_told_of(segwhy, workdir, compile_c):
    result = run([segwhy, "run", compile_c(CRASH, "-static")])
    check(result, reports=2)


def test_runtime_that_is_missing_is_one_line(segwhy, workdir, monkeypatch):
    monkeypatch.setenv("SEGWHY_RUNTIME", "/nowhere/libsegwhy.so")
    result = run([segwhy, "run", "sh", "-c", "exit 6"])
    assert result.returncode == 6
    assert len(lines_of_segwhy(result.stderr)) == 1


def test_users_preload_stays_in_force(segwhy, workdir, compile_c):
    library = compile_c('#include <stdlib.h>\n__attribute__((constructor)) void f(void) { setenv("HELLO", "there", 1); }\n'
                        "int puts_twice(void) { return 2; }", "-shared", "-fPIC")
    result = run(["env", f"LD_PRELOAD={library}", segwhy, "run", "env"])
    lines = result.stdout.splitlines()
    assert "HELLO=there" in lines
    preload = next(line for line in lines if line.startswith("LD_PRELOAD="))
    assert preload.endswith(":" + library)


def test_small_thread_stack_and_crash_in_malloc(segwhy, workdir, compile_c):
    program = compile_c("""
#include <pthread.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
void* die(void* p) {
  char* block = malloc(24);
  memset(block - 16, 0x41, 4096);
  for (int i = 0; i < 100; ++i) free(malloc(2000 + i));
  return p;
}
int main(void) {
  pthread_attr_t a;
  pthread_t t;
  pthread_attr_init(&a);
  pthread_attr_setstacksize(&a, 16384);
  pthread_create(&t, &a, die, 0);
  pthread_join(t, 0);
}
""", "-pthread")
    plain = run([program])
    result = run([segwhy, "run", program])
    assert result.returncode == plain.returncode
    assert result.returncode in (-signal.SIGABRT, -signal.SIGSEGV)
    assert len(lines_of_segwhy(result.stderr)) == 1


def test_crash_in_a_signal_handler(segwhy, workdir, compile_c):
    program = compile_c("""
#include <signal.h>
#include <unistd.h>
void on_alarm(int s) { *(volatile int*)0 = s; }
int main(void) {
  signal(SIGALRM, on_alarm);
  kill(getpid(), SIGALRM);
  return 0;
}
""")
    check(run([segwhy, "run", program]))


@pytest.fixture
def pids_cgroup():
    """A cgroup of the pids controller, version 2 or 1; yields its directory."""
    root = pathlib.Path("/sys/fs/cgroup")
    unified = (root / "cgroup.controllers").exists()
    group = (root if unified else root / "pids") / f"segwhy-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "pids.max").write_text("max")
    except OSError as error:
        if group.exists():
            group.rmdir()
        pytest.skip(f"cannot make a cgroup of the pids controller: {error}")
    yield group
    wait_until(lambda: not (group / "cgroup.procs").read_text(), "every process has left the cgroup")
    group.rmdir()


@pytest.mark.parametrize("most", range(1, 7))
def test_limit_of_processes_with_no_room_for_segwhy(segwhy, workdir, crash, pids_cgroup, most):
    (pids_cgroup / "pids.max").write_text(str(most))
    enter = ["sh", "-c", 'echo $$ > "$0"/cgroup.procs && exec "$@"', pids_cgroup]
    exits = run([*enter, segwhy, "run", "--", "sh", "-c", "echo out; exit 7"])
    assert (exits.returncode, exits.stdout) == (7, "out\n")
    assert len(exits.stderr.splitlines()) == (0 if most > 2 else 1), exits.stderr
    crashed = run([*enter, segwhy, "run", crash])
    assert crashed.returncode == -signal.SIGSEGV
    said = lines_of_segwhy(crashed.stderr)
    assert said, crashed.stderr
    assert most < 3 or "null-pointer" in said[0]
