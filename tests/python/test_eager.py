"""`segwhy run --eager`: TensorFlow's functions run eagerly, and a death that becomes a Python exception is told."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from test_tensorflow_ops import op_library, tensorflow  # noqa: E402, F401

import case_runner  # noqa: E402

pytestmark = pytest.mark.slow

# Told apart by what is true only while a graph is built.
ASKS = """
import tensorflow as tf
@tf.function
def f(x):
    print("function", "graph" if tf.inside_function() else "eager")
    return x + 1.0
f(tf.ones([2]))
class Layer(tf.keras.layers.Layer):
    def call(self, x):
        print("layer", "graph" if tf.inside_function() else "eager")
        return x
model = tf.keras.Sequential([tf.keras.layers.Dense(1), Layer()])
model.build([None, 3])
model.compile(loss="mse")
print("fit")
model.fit(tf.zeros([4, 3]), tf.zeros([4, 1]), verbose=0)
"""
DIES_IN_A_GRAPH = """
import tensorflow as tf
ops = tf.load_op_library({library!r})
@tf.function
def f(x):
    if not tf.inside_function() and float(x[0]) < 0.0:
        raise ValueError("index -1 is not in [0, 3)")
    return ops.crash_in_compute(x=x, index=tf.constant([1, 2, 3]))
f(tf.constant([-1.0, 2.0]))
"""


def run(interpreter, program, folder, *options):
    (folder / "main.py").write_text(program)
    command = [str(case_runner.segwhy_command()), "run", *options, "--", str(interpreter), "main.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_functions_and_layers_run_eagerly(tensorflow, tmp_path):  # noqa: F811
    plain = run(tensorflow[1], ASKS, tmp_path)
    assert plain.returncode == 0, plain.stderr
    assert "function graph" in plain.stdout
    assert "layer graph" in plain.stdout.split("fit")[1]
    eager = run(tensorflow[1], ASKS, tmp_path, "--eager")
    assert eager.returncode == 0, eager.stderr
    assert "function eager" in eager.stdout and "function graph" not in eager.stdout
    assert "layer eager" in eager.stdout.split("fit")[1]
    assert "segwhy:" not in eager.stderr


def test_a_death_that_becomes_an_exception_is_told(tensorflow, op_library, tmp_path):  # noqa: F811
    program = DIES_IN_A_GRAPH.format(library=str(op_library))
    plain = run(tensorflow[1], program, tmp_path)
    assert plain.returncode == -11
    assert "--eager" in plain.stderr
    eager = run(tensorflow[1], program, tmp_path, "--eager")
    assert eager.returncode == 1
    assert "segwhy: python-exception (certain): ValueError" in eager.stderr
    assert "moved its death" in " ".join(eager.stderr.split())
