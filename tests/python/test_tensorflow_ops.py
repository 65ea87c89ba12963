"""The op behind a native death in TensorFlow, end to end: real wheels, `segwhy run --json`, each supported environment.

Custom ops die in Compute, in a shard on a pool thread, in an asynchronous kernel and on a thread of their own; called
eagerly, in a tf.function, in tf.data, in a loop and in a Keras layer. A few deaths outside kernels follow.
"""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import case_runner  # noqa: E402
import custom_ops_table  # noqa: E402
import environments  # noqa: E402

VERSIONS = custom_ops_table.BUILT
SOURCE = custom_ops_table.SOURCES / "crash_ops.cc"

FORMS = {
    "eager": "print(ops.{op}(x=x, index=i))",
    "function": "@tf.function\ndef f(a, b):\n    return ops.{op}(x=a + 1.0, index=b)\nprint(f(x, i))",
    "map": "ds = tf.data.Dataset.from_tensors((x, i)).map(lambda a, b: ops.{op}(x=a, index=b))\nfor e in ds: print(e)",
    "while": "@tf.function\ndef f(a, b):\n    return tf.while_loop(lambda k, a: k < 3,"
    " lambda k, a: (k + 1, ops.{op}(x=a, index=b)), [0, a])\nprint(f(x, i))",
    "keras": "class Layer(tf.keras.layers.Layer):\n    def call(self, a):\n        return ops.{op}(x=a, index=i)\n"
    "    def compute_output_shape(self, shape):\n        return shape\n"
    "model = tf.keras.Sequential([tf.keras.layers.Dense(4), Layer()])\nmodel.compile('sgd', 'mse')\n"
    "model.predict(tf.ones([8, 16]))",
}
pytestmark = pytest.mark.slow
OPS = ["CrashInCompute", "CrashInShard", "CrashAsync", "CrashOwnThread"]


@pytest.fixture(scope="module", params=VERSIONS)
def tensorflow(request):
    """(environment's name, its interpreter); skips where the environment is not made."""
    interpreter = environments.environments_root() / request.param / "bin" / "python"
    if not interpreter.exists():
        pytest.skip(f"no environment {request.param}: make it with tools/environments.py make {request.param}")
    if not case_runner.segwhy_command().exists():
        pytest.skip(f"no segwhy command at {case_runner.segwhy_command()}: set SEGWHY or install the package")
    return request.param, interpreter


@pytest.fixture(scope="module")
def op_library(tensorflow, tmp_path_factory):
    name, interpreter = tensorflow
    return custom_ops_table.build_library(name, interpreter, SOURCE, tmp_path_factory.mktemp(name))


def incident_of(interpreter, program):
    outcome = case_runner.run_case(interpreter, {"main.py": program}, under_segwhy=True)
    assert outcome.incident is not None, f"no incident; status {outcome.status}\n{outcome.stderr[-2000:]}"
    return outcome.incident


def snake(op):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", op).lower()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("op", OPS)
def test_custom_op_is_named_with_its_inputs(tensorflow, op_library, op, form):
    if op == "CrashInShard" and form == "map":
        pytest.skip("functions of tf.data run their kernels' shards on the calling thread")
    head = f"import tensorflow as tf\nops = tf.load_op_library({str(op_library)!r})\n"
    head += "x = tf.ones([64, 4])\ni = tf.constant([7, -3, 11])\n"
    framework = incident_of(tensorflow[1], head + FORMS[form].format(op=snake(op)) + "\n")["framework"]
    assert framework["op"] == op
    assert framework["version"] == tensorflow[0].removeprefix("tf-")
    assert framework["found_by"] == "kernel-object"
    assert framework["node"].split("/")[-1].startswith(op)
    data, index = framework["inputs"]
    assert data["dtype"] == "float32" and len(data["shape"]) == 2
    assert index["dtype"] == "int32" and index["shape"] == [3] and index["preview"] == "[7, -3, 11]"


@pytest.mark.parametrize("form", ["eager", "function"])
def test_attributes_outputs_and_function(tensorflow, op_library, form):
    program = (
        f"import tensorflow as tf\nops = tf.load_op_library({str(op_library)!r})\n"
        "def body(x, i):\n    return ops.crash_between_outputs(x=x, index=i, strides=[1, 0, -2, 9000000000],"
        " scales=[0.5], group=3, padding='SAME', wrap=True, wanted=tf.int64)\n"
        + ("" if form == "eager" else "body = tf.function(body)\n")
        + "body(tf.ones([64, 4]), tf.constant([7]))\n"
    )
    framework = incident_of(tensorflow[1], program)["framework"]
    assert framework["op"] == "CrashBetweenOutputs"
    made = [(t["name"], t["dtype"], t["shape"], t["bytes"]) for t in framework["outputs"]]
    assert made == [("output 0", "float32", [3, 5], 60)]
    assert framework["attributes"] == {
        "strides": "[1, 0, -2, 9000000000]",
        "scales": "[0.5]",
        "group": "3",
        "padding": "SAME",
        "wrap": "true",
        "wanted": "int64",
    }
    assert ("body" in framework.get("function", "")) == (form == "function")


def test_the_programs_own_code_called_back_is_not_blamed_on_an_op(tensorflow):
    program = (
        "import ctypes\nimport tensorflow as tf\nclass Array:\n    def __array__(self, *args, **kwargs):\n"
        "        ctypes.string_at(0)\ntf.raw_ops.Neg(x=Array())\n"
    )
    assert not incident_of(tensorflow[1], program).get("framework", {}).get("op")


def test_loaded_but_not_involved(tensorflow):
    program = "import ctypes\nimport tensorflow as tf\nprint(tf.reduce_sum(tf.ones([2, 2])))\nctypes.string_at(0)\n"
    assert "framework" not in incident_of(tensorflow[1], program)
