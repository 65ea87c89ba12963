"""Native stacks against gdb's, frame by frame, on the same core files.

C programs with and without frame pointers and with inlined functions; every supported CPython, crashing in ctypes;
TensorFlow where an environment is there. segwhy_frames comes from the build: $SEGWHY_FRAMES, or build/*/tests/frames.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
GDB_SCRIPT = Path(__file__).with_name("gdb_frames.py")
VERSIONS = json.loads((ROOT / "src/evidence/model/supported_versions.json").read_text())["cpython"]

sys.path.insert(0, str(ROOT / "tools"))
import environments  # noqa: E402


def reader() -> Path:
    if named := os.environ.get("SEGWHY_FRAMES"):
        return Path(named)
    built = sorted(ROOT.glob("build/*/tests/frames/segwhy_frames"), key=lambda path: path.stat().st_mtime)
    if not built:
        pytest.skip("segwhy_frames is not built (cmake --build --preset dev --target segwhy_frames)")
    return built[-1]


def allow_core() -> None:
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def core_of(command: list, folder: Path) -> Path:
    """Runs a command that dies and returns its core file."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith("|") or "/" in pattern:
        pytest.skip(f"core files of this machine go elsewhere: kernel.core_pattern is {pattern}")
    ended = subprocess.run(command, cwd=folder, preexec_fn=allow_core, capture_output=True)
    assert ended.returncode < 0, f"{command} was to die of a signal, ended with {ended.returncode}: {ended.stderr}"
    cores = list(folder.glob("core*"))
    if not cores:
        pytest.skip("the kernel wrote no core file (limited by RLIMIT_CORE or the file system)")
    return cores[0]


def ours(core: Path) -> dict:
    done = subprocess.run([reader(), "core", core], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def crashed_frames(report: dict) -> list[dict]:
    return next(thread for thread in report["threads"] if thread["crashed"])["frames"]


def gdbs(program: Path, core: Path) -> list[dict]:
    if shutil.which("gdb") is None:
        pytest.skip("gdb is not installed")
    out = core.with_suffix(".gdb.json")
    command = ["gdb", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-iex", "set auto-load off"]
    command += ["-iex", "set print symbol-filename off", "-iex", "set backtrace past-main on"]
    done = subprocess.run([*command, "-x", GDB_SCRIPT, program, core], env={**os.environ, "GDB_FRAMES": str(out)},
                          capture_output=True, text=True)
    assert out.exists(), f"gdb failed: {done.stderr[-2000:]}"
    # Those gdb infers from debug information: no stack holds them.
    return [frame for frame in json.loads(out.read_text()) if frame["kind"] != "tailcall"]


def bare(name: str) -> str:
    """A function's name without parameters, templates, namespaces and glibc's decorations of aliases."""
    name = re.sub(r"\(anonymous namespace\)", "", name).split("(")[0]
    while (shorter := re.sub(r"<[^<>]*>", "", name)) != name:
        name = shorter
    name = name.split("::")[-1].split("@")[0].split(".")[0].split(" ")[-1]
    return re.sub(r"(_impl)$", "", re.sub(r"^_*(GI_)?_*", "", name))


def difference(mine: dict, theirs: dict, program: Path) -> str | None:
    """What two accounts of one frame disagree in; None when they agree."""
    if mine["pc"] != theirs["pc"]:
        return "pc"
    if theirs["kind"] == "signal":
        return None if mine["signal_frame"] else "signal frame"
    if mine["inlined"] != (theirs["kind"] == "inline"):
        return "inlined"
    module = os.path.realpath(theirs["module"] or program)
    if theirs["function"] and os.path.realpath(mine["module"]) != module:
        return "module"
    # By the place of the symbol: of several names for one function either may be told.
    same_symbol = not mine["inlined"] and theirs["offset"] is not None and mine["offset"] == theirs["offset"]
    if theirs["function"] and not same_symbol and bare(mine["function"]) != bare(theirs["function"]):
        return "function"
    if theirs["file"]:
        if os.path.basename(mine["file"]) != os.path.basename(theirs["file"]):
            return "file"
        if mine["line"] != theirs["line"]:
            return "line"
    return None


def show(frame: dict) -> str:
    return f"{frame['pc']:#x} {frame['function']} {frame['file']}:{frame['line']}"


def assert_agreement(program: Path, core: Path, at_least: int) -> dict:
    report = ours(core)
    mine = crashed_frames(report)
    theirs = gdbs(program, core)
    assert len(theirs) >= at_least, "gdb's own stack is too short to compare with"
    wrong = [f"frame {i}: {what}: {show(m)} against gdb's {show(t)}"
             for i, (m, t) in enumerate(zip(mine, theirs)) if (what := difference(m, t, program))]
    assert not wrong, "\n".join(wrong)
    assert len(mine) == len(theirs), f"{len(mine)} frames against gdb's {len(theirs)}"
    return report


C_PROGRAM = r"""
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static inline __attribute__((always_inline)) int innermost(volatile int *p) { return *p + 1; }
static inline __attribute__((always_inline)) int middle(volatile int *p, int n) { return innermost(p) * n; }
__attribute__((noinline)) int leaf(volatile int *p, int n) { return middle(p, n) - n; }
__attribute__((noinline)) int with_array(int n) {
  volatile char room[n * 16 + 16];
  memset((char *)room, n, sizeof room);
  return leaf((volatile int *)(unsigned long)(n * 8), n) + room[n];
}
__attribute__((noinline)) int recurse(int depth, int n) {
  return depth == 0 ? with_array(n) + 1 : recurse(depth - 1, n) * 2 + 1;
}
static int compare(const void *a, const void *b) { return recurse(*(const int *)a, 1) - *(const int *)b; }
static void handler(int number) {
  (void)number;
  abort();
}
int main(int argc, char **argv) {
  (void)argv;
  if (argc > 1) signal(SIGSEGV, handler);
  int numbers[] = {5, 3};
  qsort(numbers, 2, sizeof *numbers, compare);
  return numbers[0];
}
"""

FLAGS = {
    "O0": ["-O0", "-g"],
    "frame-pointers": ["-O2", "-g", "-fno-omit-frame-pointer"],
    "no-frame-pointers": ["-O2", "-g", "-fomit-frame-pointer"],
    "no-debug-information": ["-O2"],
    "static": ["-O2", "-g", "-static"],
    "not-pie": ["-O2", "-g", "-no-pie"],
    "split-debug": ["-O2", "-g"],
    "compressed-debug": ["-O2", "-g", "-gz"],
    "dwarf-4": ["-O2", "-gdwarf-4"],
}


def compiled(folder: Path, name: str) -> Path:
    compiler = os.environ.get("CC", "cc")
    if shutil.which(compiler) is None:
        pytest.skip("no C compiler")
    source = folder / "program.c"
    source.write_text(C_PROGRAM)
    program = folder / "program"
    subprocess.run([compiler, *FLAGS[name], "-w", "-o", program, source], check=True)
    if name == "split-debug":
        debug = folder / "program.debug"
        subprocess.run(["objcopy", "--only-keep-debug", program, debug], check=True)
        subprocess.run(["strip", "--strip-all", program], check=True)
        subprocess.run(["objcopy", f"--add-gnu-debuglink={debug}", program], check=True)
    return program


@pytest.mark.parametrize("name", FLAGS)
def test_c_program(name: str, tmp_path: Path) -> None:
    program = compiled(tmp_path, name)
    report = assert_agreement(program, core_of([program], tmp_path), at_least=8)
    assert report["fault"]["access"] == "read"
    assert report["fault"]["address"] == 8


@pytest.mark.parametrize("name", ["frame-pointers", "no-frame-pointers"])
def test_crash_in_a_signal_handler(name: str, tmp_path: Path) -> None:
    program = compiled(tmp_path, name)
    assert_agreement(program, core_of([program, "handled"], tmp_path), at_least=12)


JUMP_PROGRAM = """
#include <stdlib.h>
__attribute__((noinline)) static int caller(int (*function)(int), int n) { return function(n) + 1; }
__attribute__((noinline)) int outer(long target, int n) { return caller((int (*)(int))target, n) * 3; }
int main(int argc, char **argv) { (void)argv; return outer(argc > 1 ? (long)malloc(64) : 0, argc); }
"""


@pytest.mark.parametrize("arguments", [[], ["to the heap"]])
def test_bad_jump_still_has_its_caller(arguments: list[str], tmp_path: Path) -> None:
    source = tmp_path / "jump.c"
    source.write_text(JUMP_PROGRAM)
    program = tmp_path / "jump"
    subprocess.run(["cc", "-O2", "-g", "-w", "-o", program, source], check=True)
    report = assert_agreement(program, core_of([program, *arguments], tmp_path), at_least=4)
    frames = crashed_frames(report)
    assert frames[1]["function"] == "caller" and frames[1]["trust"] == "return-address"
    assert report["fault"]["access"] == "execute"


def test_runaway_recursion_is_counted_to_its_end(tmp_path: Path) -> None:
    source = tmp_path / "recursion.c"
    source.write_text("int deep(int n, volatile char *p) { volatile char b[16]; b[0] = n; return deep(n + 1, b) + b[0]; }\n"
                      "int main(void) { return deep(0, 0); }\n")
    program = tmp_path / "recursion"
    subprocess.run(["cc", "-O1", "-w", "-fno-optimize-sibling-calls", "-o", program, source], check=True)
    crashed = next(thread for thread in ours(core_of([program], tmp_path))["threads"] if thread["crashed"])
    assert crashed["complete"] and crashed["depth"] > 10_000
    assert crashed["frames"][0]["function"] == "deep"
    assert [frame["function"] for frame in crashed["frames"]].count("main") == 1


def interpreters() -> list[str]:
    return [*VERSIONS, "system"]


@pytest.fixture(params=interpreters())
def interpreter(request: pytest.FixtureRequest) -> Path:
    system = Path("/usr/bin/python3")
    found = (system if system.exists() else None) if request.param == "system" else environments.find_python(request.param)
    if found is None:
        pytest.skip(f"no CPython {request.param} on this machine")
    return found


def test_cpython_crashing_in_ctypes(interpreter: Path, tmp_path: Path) -> None:
    program = Path(subprocess.run([interpreter, "-c", "import sys, os; print(os.path.realpath(sys.executable))"],
                                  check=True, capture_output=True, text=True).stdout.strip())
    code = "import ctypes\ndef f(n): return f(n - 1) if n else sorted([8, 9], key=ctypes.string_at)\nf(3)"
    assert_agreement(program, core_of([program, "-c", code], tmp_path), at_least=15)


TENSORFLOW_PROGRAM = """
import tensorflow as tf
import ctypes
@tf.function
def f(x): return tf.py_function(lambda y: ctypes.string_at(8), [x], tf.string)
print(f(tf.constant(1.0)))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tf-2.4.1", "tf-2.8.0", "tf-2.21.0"])
def test_tensorflow(name: str, tmp_path: Path) -> None:
    interpreter = environments.environments_root() / name / "bin" / "python"
    if not interpreter.exists():
        pytest.skip(f"no environment {name}: make it with tools/environments.py make {name}")
    core = core_of([interpreter, "-c", TENSORFLOW_PROGRAM], tmp_path)
    report = assert_agreement(interpreter.resolve(), core, at_least=25)
    markers = {marker for module in report["modules"] for marker in module["markers"]}
    owners = {module["package"] for module in report["modules"]}
    assert any(marker.startswith("protobuf:") for marker in markers)
    assert "blas:openblas" in markers
    assert {"numpy", "h5py"} <= owners and any(owner.startswith("tensorflow") for owner in owners)
