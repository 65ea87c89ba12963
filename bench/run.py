#!/usr/bin/env python3
"""What Segwhy costs and how fast it answers, measured side by side in one run.

usage: run.py [--runs N] [--only startup|fit|graphs|heap|memory|report]

startup   /bin/true and a Python that does nothing, under `segwhy run` against plain: milliseconds more
fit       import of TensorFlow plus a Keras fit under `segwhy run --protect off` against plain: ratio
graphs    tracing of a function of 1,000 nodes, of a ResNet-50, and eager ops, under `segwhy run` against plain: ratio of
          the CPU time of that work alone
heap      fits, eager operations, NumPy temporaries and growing lists under each kind of `--protect` against plain: ratios
memory    a Keras fit under `segwhy mem` and `segwhy run`, memray and Scalene against plain, side by side: ratios
report    from the fatal signal to the printed verdict with TensorFlow loaded, against gdb and PyStack on a core of the
          same crash (their time includes writing the core)
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))
sys.path.insert(0, str(HERE))
import environments  # noqa: E402
from case_runner import segwhy_command  # noqa: E402
from paired import pairs, ratio_line, spread  # noqa: E402

TENSORFLOWS = ("tf-2.8.0", "tf-2.21.0")


def startup(runs: int) -> None:
    for label, argv in (("/bin/true", ["/bin/true"]), ("python3 -c pass", [sys.executable, "-c", "pass"])):
        measured = pairs([str(segwhy_command()), "run", "--protect", "off", "--", *argv], argv, runs * 4)
        print(f"start-up, {label}: {spread([(a.wall - b.wall) * 1000 for a, b in measured], 1)} ms more")


def fit(runs: int) -> None:
    for name in TENSORFLOWS:
        argv = [str(environments.environment(name)), str(HERE / "keras_fit.py")]
        measured = pairs([str(segwhy_command()), "run", "--protect", "off", "--", *argv], argv, runs)
        for figure in ("wall", "cpu", "rss"):
            print(ratio_line(f"Keras fit, {name}, off against plain", measured, figure), flush=True)


def graphs(runs: int) -> None:
    def seconds(argv: list[str]) -> float:
        output = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        return float(output.split("seconds ")[1])

    for name in TENSORFLOWS:
        for work in ("function", "resnet", "eager"):
            plain = [str(environments.environment(name)), str(HERE / "graph_building.py"), work]
            watched = [str(segwhy_command()), "run", "--protect", "off", "--", *plain]
            ratios = []
            for i in range(runs):
                order = (watched, plain) if i % 2 == 0 else (plain, watched)
                taken = {id(argv): seconds(argv) for argv in order}
                ratios.append(taken[id(watched)] / taken[id(plain)])
            print(f"graphs, {work}, {name}, off against plain: {spread(ratios)}", flush=True)


HEAP_MODES = ("off", "sampled", "tensors", "all")


def heap_programs() -> list[tuple[str, list[str]]]:
    """Name and command of what is compared."""
    programs = []
    for name in TENSORFLOWS:
        python = str(environments.environment(name))
        programs.append((f"Keras fit, {name}", [python, str(HERE / "keras_fit.py")]))
        programs.append((f"eager operations, {name}", [python, str(HERE / "heap_programs.py"), "eager"]))
    for kilobytes in ("4", "128", "1024", "4096", "65536"):
        programs.append((f"NumPy {kilobytes} KB", [python, str(HERE / "heap_programs.py"), "numpy", kilobytes]))
    programs.append(("growing lists", [sys.executable, str(HERE / "heap_programs.py"), "lists"]))
    return programs


def heap(runs: int) -> None:
    for label, argv in heap_programs():
        for mode in HEAP_MODES:
            measured = pairs([str(segwhy_command()), "run", "--protect", mode, "--", *argv], argv, runs)
            for figure in ("cpu", "rss"):
                print(ratio_line(f"{label}, {mode} against plain", measured, figure), flush=True)


PROFILERS = "profilers"  # the environment that has them, with TensorFlow


def memory(runs: int) -> None:
    python = str(environments.environment(PROFILERS))
    plain = [python, str(HERE / "keras_fit.py")]
    segwhy = str(segwhy_command())
    with tempfile.TemporaryDirectory() as folder:
        tools = {
            "segwhy mem": [segwhy, "mem", "--quiet", "--", *plain],
            "segwhy run": [segwhy, "run", "--", *plain],
            "memray": [python, "-m", "memray", "run", "--quiet", "--force", "-o", f"{folder}/memray.bin", plain[1]],
            "memray --native": [python, "-m", "memray", "run", "--quiet", "--native", "--force", "-o", f"{folder}/native.bin", plain[1]],
            "Scalene": [python, "-m", "scalene", "--cli", "--json", "--outfile", f"{folder}/scalene.json", plain[1]],
        }
        for name, argv in tools.items():
            measured = pairs(argv, plain, runs)
            for figure in ("cpu", "rss"):
                print(ratio_line(f"Keras fit, {name} against plain", measured, figure), flush=True)


def signal_to_verdict(python: Path, runs: int) -> list[float]:
    """Milliseconds from the handler's hand-over to the finished report, as the report itself states them."""
    found = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "incident.json"
            command = [str(segwhy_command()), "run", "--protect", "off", "--json", str(report), "--", str(python)]
            subprocess.run([*command, str(HERE / "crash_tensorflow.py")], cwd=folder, capture_output=True, check=False)
            found.append(json.loads(report.read_text())["timing"]["total_ms"])
    return found


def crash_with_core(python: Path, folder: Path) -> tuple[Path, float]:
    """A core of the same crash, and the seconds the plain program took longer to die for writing it."""
    argv = [str(python), str(HERE / "crash_tensorflow.py")]

    def run(limit: int) -> float:
        started = time.perf_counter()
        process = subprocess.Popen(
            argv,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (limit, limit)),
        )
        process.wait()
        return time.perf_counter() - started

    without = min(run(0) for _ in range(2))
    with_core = run(resource.RLIM_INFINITY)
    cores = sorted(folder.glob("core*"))
    if not cores:
        raise FileNotFoundError("no core file: kernel.core_pattern sends cores elsewhere")
    return cores[0], max(0.0, with_core - without)


def others_on_core(python: Path, runs: int) -> dict[str, float]:
    """Seconds that gdb and PyStack need for native and Python stacks, the writing of the core included."""
    pystack = Path(sys.executable).with_name("pystack")
    commands = {"gdb": ["gdb", "-batch", "-ex", "thread apply all bt", str(python)]}
    if pystack.exists():
        commands["PyStack"] = [str(pystack), "core", "--native-all"]
    times = {}
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        core, writing = crash_with_core(python, Path(name))
        for tool, command in commands.items():
            argv = [*command, str(core)] + ([str(python)] if tool == "PyStack" else [])
            taken = []
            for _ in range(runs):
                started = time.perf_counter()
                subprocess.run(argv, capture_output=True, check=False)
                taken.append(time.perf_counter() - started)
            times[tool] = statistics.median(taken) + writing
    return times


def report(runs: int) -> None:
    for name in TENSORFLOWS:
        python = environments.environment(name)
        print(f"signal to verdict, {name}: {spread(signal_to_verdict(python, runs), 0)} ms", flush=True)
        if not shutil.which("gdb"):
            print("gdb: not installed, left out")
            continue
        try:
            for tool, seconds in others_on_core(python, 1).items():
                print(f"{tool} on a core of the same crash, {name}: {seconds:.1f} s", flush=True)
        except FileNotFoundError as error:
            print(f"gdb and PyStack left out: {error}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parts = (startup, fit, graphs, heap, memory, report)
    parser.add_argument("--only", choices=[part.__name__ for part in parts])
    options = parser.parse_args()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for part in parts:
        if options.only in (None, part.__name__):
            part(options.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
