"""Exceptions that TensorFlow raises in Python, end to end: op or node, shapes or types, and the line that made the op.

A program that only raises keeps its exit status and what it prints, and gets no report unless it is asked for.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from test_tensorflow_ops import incident_of, tensorflow  # noqa: E402, F401

import case_runner  # noqa: E402

pytestmark = pytest.mark.slow
MARK = "# here"
HEAD = "import tensorflow as tf\n"
MULTIPLY = """
def my_op(x):
    a = tf.constant([1.0, 2.0, 3.0])
    b = tf.multiply(x, a)  # here
    return b
"""
CALL = "my_op(tf.random.normal((1000, 1000)))\n"
DYNAMIC = "@tf.function(input_signature=[tf.TensorSpec(None, tf.float32)])"
LAYER = """
class Layer(tf.keras.layers.Layer):
    def call(self, x):
        {0}
        return y
model = tf.keras.Sequential([Layer(), tf.keras.layers.Dense(1)])
model.compile(loss="mse")
model.fit(tf.zeros([4, 3]), tf.zeros([4, 1]), verbose=0)
"""
PROGRAMS = {
    # program, op ("" where TensorFlow does not say it), end of the node's name, shapes, words of the reason
    "eager": (MULTIPLY + CALL, "Mul", "", [[1000, 1000], [3]], "Incompatible shapes"),
    "function": (MULTIPLY.replace("\ndef", "\n@tf.function\ndef") + CALL, "Mul", "Mul", [[1000, 1000], [3]], "must be equal"),
    "in the graph": (MULTIPLY.replace("\ndef", f"\n{DYNAMIC}\ndef") + CALL, "", "Mul", [[1000, 1000], [3]], "Incompatible"),
    "layer, built": (LAYER.format("y = tf.matmul(x, tf.ones([7, 2]))  # here"), "MatMul", "MatMul", [[-1, 3], [7, 2]], "must be"),
    "layer, run": (LAYER.format("y = tf.reshape(x, [tf.shape(x)[0], 7])  # here"), "", "Reshape", None, "12 values"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_said(tensorflow, name):  # noqa: F811
    text, op, node, shapes, words = PROGRAMS[name]
    program = HEAD + text
    incident = incident_of(tensorflow[1], program)
    assert incident["verdict"]["class"] == "python-exception"
    assert words in incident["verdict"]["summary"]
    framework = incident["framework"]
    assert framework.get("op", "") == op
    assert framework.get("node", "").endswith(node)
    line = program[: program.index(MARK)].count("\n") + 1
    made = framework.get("created_at") or incident["where"]
    assert made["line"] == line and Path(made["file"]).name == "main.py"
    if shapes is not None:
        said = [i.get("shape") for i in framework["inputs"]]
        # The optimiser may have swapped the sides of a commutative op in a graph.
        assert sorted(said) == sorted(shapes)


@pytest.mark.parametrize("decoration", ["", "@tf.function"])
def test_types_that_do_not_match(tensorflow, decoration):  # noqa: F811
    program = HEAD + decoration + MULTIPLY.replace("[1.0, 2.0, 3.0]", "[1, 2, 3]") + CALL
    incident = incident_of(tensorflow[1], program)
    assert incident["framework"]["op"] == "Mul"
    assert "int32" in [i.get("dtype") for i in incident["framework"]["inputs"]]
    assert incident["where"]["line"] == program[: program.index(MARK)].count("\n") + 1
    assert incident["where"]["function"] == "my_op"


def without_times(text: str) -> str:
    """Log lines begin with a time and a process id, generated files have random names."""
    text = re.sub(r"^(\d{4}-\d\d-\d\d )?.{0,60}\d\d:\d\d:\d\d\.\d+.*$|^[IWEF]\d{4} .*$", "", text, flags=re.M)
    return re.sub(r"/tmp/\w+\.py", "generated", text)


def test_output_and_status_are_the_programs_own(tensorflow, tmp_path):  # noqa: F811
    (tmp_path / "main.py").write_text(HEAD + MULTIPLY.replace("\ndef", "\n@tf.function\ndef") + CALL)
    command = [str(tensorflow[1]), "main.py"]
    plain = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    segwhy = str(case_runner.segwhy_command())
    seen = subprocess.run([segwhy, "run", "--", *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (seen.returncode, seen.stdout) == (plain.returncode, plain.stdout) == (1, "")
    assert without_times(seen.stderr) == without_times(plain.stderr)
