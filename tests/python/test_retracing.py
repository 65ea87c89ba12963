"""A tf.function that is traced again and again is told by `segwhy mem`, with what differed; a few traces are not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from environment_python import python_of
from segwhy_command import segwhy_or_skip

TIMEOUT_S = 600
VERSIONS = ["tf-2.4.1", "tf-2.8.0", "tf-2.21.0"]
TRACES = 24

HEAD = "import os\n\nos.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'\nimport tensorflow as tf\n\n"
STEP = "@tf.function\ndef step(x, other=None):\n    return tf.reduce_sum(x) * 2.0\n\n\n"

# Name: what comes after the head; kind and argument of the difference; the retraced function. A line that ends in
# "# called" is the one to be named.
RETRACED = {
    "number": (
        STEP + f"for i in range({TRACES}):\n    step(tf.ones(3), i * 0.001)  # called\n",
        "number", "other", "step",
    ),
    "keyword": (
        STEP + f"for i in range({TRACES}):\n    step(tf.ones(3), other='mode %d' % i)  # called\n",
        "text", "other", "step",
    ),
    "shape": (
        STEP + f"for i in range({TRACES}):\n    step(tf.ones((2, i + 1)))  # called\n",
        "shape", "x", "step",
    ),
    "lambda": (
        f"for i in range({TRACES}):\n    tf.function(lambda v: v * 2.0)(tf.ones(3))  # called\n",
        "function", "", "<lambda>",
    ),
    "object": (
        STEP + f"for i in range({TRACES}):\n    step(tf.ones(3), lambda v: v)  # called\n",
        "object", "other", "step",
    ),
    "method": (
        "class Model:\n    @tf.function\n    def run(self, x):\n        return x * 2.0\n\n\n"
        f"for i in range({TRACES}):\n    Model().run(tf.ones(3))  # called\n",
        "function", "", "run",
    ),
}

HONEST = {
    "three shapes": STEP + "for i in range(300):\n    step(tf.ones(i % 3 + 1))\n",
    "tensors": STEP + "for i in range(300):\n    step(tf.ones(3), tf.constant(float(i)))\n",
    "branches and loops": (
        "@tf.function\ndef step(x):\n    for i in tf.range(3):\n        if tf.reduce_sum(x) > 1.0:\n"
        "            x = x * 0.5\n        else:\n            x = x + 1.0\n    return x\n\n\n"
        "for i in range(100):\n    with tf.GradientTape() as tape:\n        x = tf.ones(3)\n        tape.watch(x)\n"
        "        y = step(x)\n    tape.gradient(y, x)\n"
    ),
}


def run(version: str, program: str, folder: Path) -> tuple[dict, str]:
    script, report = folder / "program.py", folder / "incident.json"
    script.write_text(program)
    command = [segwhy_or_skip(), "mem", "--json", str(report), "--", python_of(version), str(script)]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    return json.loads(report.read_text()), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", RETRACED)
def test_what_differs_is_told_with_the_line(version: str, name: str, tmp_path):
    """GIVEN a function that is traced at every call WHEN it runs under mem THEN traces, reason and line are told."""
    body, kind, argument, function = RETRACED[name]
    incident, said = run(version, HEAD + body, tmp_path)
    called = 1 + next(i for i, line in enumerate((HEAD + body).splitlines()) if line.endswith("# called"))
    told = [f for f in incident["memory"]["retracing"] if not f["library"]]
    assert len(told) == 1, incident["memory"]["retracing"]
    assert told[0]["traces"] == TRACES
    assert told[0]["function"].endswith(function)
    assert told[0]["call_line"] == called
    difference = told[0]["differences"][0]
    assert (difference["kind"], difference.get("argument", "")) == (kind, argument), told[0]["differences"]
    assert difference["count"] == TRACES - 1
    assert f"{TRACES} times, to the end, called at program.py:{called}" in " ".join(said.split())


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", HONEST)
def test_a_few_traces_are_no_complaint(version: str, name: str, tmp_path):
    """GIVEN functions that are traced for what they are called with and no more WHEN the program runs under mem THEN
    their traces are counted and nobody complains."""
    incident, said = run(version, HEAD + HONEST[name], tmp_path)
    assert incident["verdict"]["class"] == "ok"
    assert "retraced" not in said
    for function in incident["memory"].get("retracing", []):
        assert function["traces"] <= 3, function
    if name == "three shapes":
        assert [f["traces"] for f in incident["memory"]["retracing"]] == [3]
