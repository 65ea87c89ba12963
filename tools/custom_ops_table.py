#!/usr/bin/env python3
"""Ten custom ops that go wrong: what Segwhy says of each, against what is known.

usage: custom_ops_table.py [--env tf-2.4.1 ...] [--only Op ...] [--form eager function] [--out FILE] [--strict]

The ops (tests/python/tensorflow_ops/wrong_ops.cc) are built against the headers inside each environment's wheel. Each
dies in its Compute and in a lambda on a pool thread, called eagerly and in a tf.function. Held against what the sources
say: the class, op, node, inputs, attribute and function; file and line of the C++ statement; the line of the Python call, as the line of the
report or, for what ran in a graph, as the line that created the node. Prints what falls short and a summary an
environment; --strict: status 1 when anything does.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import case_runner  # noqa: E402
import environments  # noqa: E402

SOURCES = environments.ROOT / "tests" / "python" / "tensorflow_ops"
SOURCE = SOURCES / "wrong_ops.cc"
# How a wheel was built: the C++ standard of its headers and the ABI of its strings.
BUILT = {"tf-2.4.1": ("c++14", 0), "tf-2.8.0": ("c++14", 0), "tf-2.21.0": ("c++17", 1)}
# What can be said of each. A store that is not aligned faults without an address: what it is called is the tool's.
CLASSES = {
    "NullDereference": {"null-pointer"},
    "OverflowRead": {"out-of-bounds-read"},
    "OverflowWrite": {"out-of-bounds-write"},
    "UseAfterFree": {"use-after-free"},
    "DivideByZero": {"divide-by-zero"},
    "ExceptionEscaping": {"uncaught-exception"},
    "DataRace": {"null-pointer", "data-race"},
    "StackOverflow": {"stack-overflow"},
    "UnalignedStore": {"wild-pointer"},
    "AbortCall": {"abort"},
}
FORMS = ("eager", "function")
PLACES = ("compute", "pool")
PROGRAM = """import tensorflow as tf
ops = tf.load_op_library({library!r})
def step(x, index):
    y = x + 1.0
    return ops.{function}(x=y, index=index, in_pool={in_pool})  # here
call = {call}
x = tf.ones([64, 4])
index = tf.constant([7, 0, 11])
for _ in range(2):
    call(x, index)
"""
PYTHON_LINE = PROGRAM[: PROGRAM.index("# here")].count("\n") + 1


def build_library(name: str, interpreter: Path, source: Path, folder: Path) -> Path:
    """`source` as a shared library for the TensorFlow of environment `name`."""
    package = next(interpreter.parent.parent.glob("lib/python3*/site-packages/tensorflow"))
    standard, string_abi = BUILT[name]
    library = folder / f"{source.stem}.so"
    command = ["g++", f"-std={standard}", "-O1", "-g", "-w", "-fPIC", "-shared", f"-D_GLIBCXX_USE_CXX11_ABI={string_abi}"]
    command += ["-DEIGEN_MAX_ALIGN_BYTES=64", f"-I{package / 'include'}", str(source), "-o", str(library)]
    subprocess.run([*command, f"-L{package}", "-l:libtensorflow_framework.so.2"], check=True)
    return library


def marked_lines(op: str) -> set[int]:
    """The lines that can be at fault in `op`."""
    return {i for i, line in enumerate(SOURCE.read_text().splitlines(), 1) if line.endswith(f"// {op}")}


def program_of(library: Path, op: str, place: str, form: str) -> str:
    function = re.sub(r"(?<!^)(?=[A-Z])", "_", op).lower()
    call = "tf.function(step)" if form == "function" else "step"
    return PROGRAM.format(library=str(library), function=function, in_pool=place == "pool", call=call)


def source_line(incident: dict) -> int | None:
    """The line of the innermost native frame that is in the op's source."""
    crashed = next((t for t in incident.get("threads", []) if t.get("crashed")), {})
    frames = [f for f in crashed.get("native", []) if f.get("file", "").endswith(SOURCE.name)]
    return frames[0].get("line") if frames else None


def inputs_are_right(inputs: list[dict]) -> bool:
    if len(inputs) != 2:
        return False
    data, index = inputs
    return (data["dtype"], data.get("shape"), index["dtype"], index.get("shape"), index.get("preview")) == (
        "float32", [64, 4], "int32", [3], "[7, 0, 11]")  # fmt: skip


def judge(op: str, place: str, form: str, interpreter: Path, library: Path) -> dict:
    files = {"main.py": program_of(library, op, place, form)}
    seen = case_runner.run_case(interpreter, files, under_segwhy=True)
    incident = seen.incident or {"verdict": {"class": "(no report)", "confidence": ""}}
    framework = incident.get("framework") or {}
    lines = {(incident.get("where") or {}).get("line"), (framework.get("created_at") or {}).get("line")}
    verdict = incident["verdict"]
    return {
        "op": op,
        "place": place,
        "form": form,
        "status": seen.status,
        "said": f"{verdict['class']} ({verdict['confidence']})",
        "said_op": framework.get("op"),
        "said_node": framework.get("node"),
        "said_inputs": [(i.get("dtype"), i.get("shape")) for i in framework.get("inputs", [])],
        "said_lines": sorted(lines - {None}),
        "said_cc": source_line(incident),
        "right": {
            "died": seen.status is not None and seen.status < 0,
            "class": verdict["class"] in CLASSES[op],
            "op": framework.get("op") == op,
            "node": op in framework.get("node", ""),
            "inputs": inputs_are_right(framework.get("inputs", [])),
            "attribute": framework.get("attributes", {}) == {"in_pool": "true" if place == "pool" else "false"},
            "function": ("step" in framework.get("function", "")) == (form == "function"),
            "c++ line": source_line(incident) in marked_lines(op),
            "python line": PYTHON_LINE in lines,
        },
    }


def short_of(row: dict) -> list[str]:
    return [what for what, right in row["right"].items() if not right]


def summary(name: str, rows: list[dict]) -> str:
    shares = {what: sum(r["right"][what] for r in rows) for what in rows[0]["right"]}
    return f"{name}: {len(rows)} deaths; " + ", ".join(f"{what} {count}" for what, count in shares.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env", nargs="+", choices=BUILT, default=list(BUILT))
    parser.add_argument("--only", nargs="+", choices=CLASSES, default=list(CLASSES))
    parser.add_argument("--form", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--out", type=Path, help="every row as JSON lines")
    parser.add_argument("--strict", action="store_true")
    options = parser.parse_args()
    out = options.out.open("w") if options.out else None
    all_right = True
    for name in options.env:
        interpreter = environments.environment(name)
        with tempfile.TemporaryDirectory() as folder:
            library = build_library(name, interpreter, SOURCE, Path(folder))
            rows = []
            for op in options.only:
                for place in PLACES:
                    for form in options.form:
                        row = judge(op, place, form, interpreter, library)
                        rows.append(row)
                        if out:
                            print(json.dumps({"env": name, **row}), file=out, flush=True)
                        if short_of(row):
                            all_right = False
                            print(f"  {name} {op} {place} {form} {short_of(row)} {row}", flush=True)
        print(summary(name, rows), flush=True)
    return 0 if all_right or not options.strict else 1


if __name__ == "__main__":
    sys.exit(main())
