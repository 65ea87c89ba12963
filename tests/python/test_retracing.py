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

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("version", VERSIONS)]

# Each call is traced; its line says what the difference is: "# kind: argument".
RETRACED = f"""
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf


@tf.function
def rated(x, rate):
    return tf.reduce_sum(x) * rate


@tf.function
def switched(x, mode=None):
    return tf.reduce_sum(x) * 2.0


@tf.function
def shaped(batch):
    return tf.reduce_sum(batch["x"] if isinstance(batch, dict) else batch[0])


@tf.function
def activated(x, activation):
    return activation(x)


class Model:
    @tf.function
    def run(self, x):
        return x * 2.0


x = tf.ones(3)
kept = []
for i in range({TRACES}):
    rated(x, i * 0.001)  # number: rate
    switched(x, mode="mode %d" % i)  # text: mode
    shaped([tf.ones((2, i + 1)), x])  # shape: batch[0]
    kept.append(lambda v: v * 2.0)
    activated(x, kept[-1])  # object: activation
    tf.function(lambda v: v * 3.0)(x)  # function:
    kept.append(Model())
    kept[-1].run(x)  # function:
"""

HONEST = """
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf


@tf.function
def shaped(x):
    return tf.reduce_sum(x) * 2.0


@tf.function
def rated(x, rate):
    return tf.reduce_sum(x) * rate


@tf.function
def branches_and_loops(x):
    for i in tf.range(3):
        if tf.reduce_sum(x) > 1.0:
            x = x * 0.5
        else:
            x = x + 1.0
    return x


for i in range(200):
    shaped(tf.ones(i % 3 + 1))
    rated(tf.ones(3), tf.constant(float(i)))
    with tf.GradientTape() as tape:
        x = tf.ones(3)
        tape.watch(x)
        y = branches_and_loops(x)
    tape.gradient(y, x)
"""


def run(version: str, program: str, folder: Path) -> tuple[dict, str]:
    script, report = folder / "program.py", folder / "incident.json"
    script.write_text(program)
    command = [segwhy_or_skip(), "mem", "--json", str(report), "--", python_of(version), str(script)]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr
    return json.loads(report.read_text()), done.stderr


def test_what_differs_is_told_with_the_line(version: str, tmp_path):
    """GIVEN functions that are traced at every call WHEN they run under mem THEN number, reason and line are told."""
    incident, said = run(version, RETRACED, tmp_path)
    told = {function["call_line"]: function for function in incident["memory"]["retracing"]}
    expected = [(i, *line.split("# ")[1].split(":")) for i, line in enumerate(RETRACED.splitlines(), 1) if ":" in line.partition("# ")[2]]
    assert len(expected) == 6
    assert sorted(told) == [line for line, _, _ in expected]
    for line, kind, argument in expected:
        function = told[line]
        assert not function["library"]
        assert Path(function["file"]).name == "program.py"
        assert function["traces"] == TRACES, function
        difference = function["differences"][0]
        assert (difference["kind"], difference.get("argument", "")) == (kind, argument.strip()), function
        assert difference["count"] == TRACES - 1
        assert f"{TRACES} times, to the end, called at program.py:{line}" in " ".join(said.split())


def test_a_few_traces_are_no_complaint(version: str, tmp_path):
    """GIVEN functions that are traced for what they are called with and no more WHEN the program runs under mem THEN
    their traces are counted and nobody complains."""
    incident, said = run(version, HONEST, tmp_path)
    assert incident["verdict"]["class"] == "ok"
    assert "retraced" not in said
    assert [(f["function"], f["traces"]) for f in incident["memory"]["retracing"]] == [("shaped", 3)]
