"""The line of Python that created the node whose kernel died, end to end: real wheels, each supported environment.

Every program marks the line that is expected with `# here`; one without the mark must get no line at all.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from test_tensorflow_ops import incident_of, op_library, tensorflow  # noqa: E402, F401

pytestmark = pytest.mark.slow
MARK = "# here"

HEAD = """import sys
import tensorflow as tf
ops = tf.load_op_library({library!r})
x = tf.ones([64, 4])
i = tf.constant([7, -3, 11])
"""

PROGRAMS = {
    "function": """
@tf.function
def f(a, b):
    c = a + 1.0
    return ops.crash_in_compute(x=c, index=b)  # here
f(x, i)
""",
    "shard": """
@tf.function
def f(a, b):
    return ops.crash_in_shard(x=a + 1.0, index=b)  # here
f(x, i)
""",
    "asynchronous": """
@tf.function
def f(a, b):
    return ops.crash_async(x=a + 1.0, index=b)  # here
f(x, i)
""",
    "nested functions": """
@tf.function
def inner(a, b):
    return ops.crash_in_compute(x=a, index=b)  # here
@tf.function
def middle(a, b):
    return inner(a * 2.0, b)
@tf.function
def outer(a, b):
    return middle(a + 1.0, b)
outer(x, i)
""",
    "function called twice": """
@tf.function
def inner(a, b):
    if a.shape[0] == 64:
        return a
    return ops.crash_in_compute(x=a, index=b)  # here
@tf.function
def outer(a, b):
    return inner(a, b)[:3] + inner(a[:3], b)
outer(x, i)
""",
    "autograph branch": """
@tf.function
def f(a, b):
    if tf.reduce_sum(a) > 0.0:
        a = ops.crash_in_compute(x=a, index=b)  # here
    else:
        a = a * 2.0
    return a
f(x, i)
""",
    "autograph for": """
@tf.function
def f(a, b):
    for k in tf.range(3):
        a = a + 1.0
        a = ops.crash_in_compute(x=a, index=b)  # here
    return a
f(x, i)
""",
    "autograph while": """
@tf.function
def f(a, b):
    k = tf.constant(0)
    while k < 3:
        a = ops.crash_in_compute(x=a, index=b)  # here
        k += 1
    return a
f(x, i)
""",
    "autograph calls": """
def helper(a, b):
    a = a * 2.0
    return ops.crash_in_compute(x=a, index=b)  # here
@tf.function
def f(a, b):
    if tf.reduce_sum(a) > 0.0:
        a = helper(a, b)
    return a
f(x, i)
""",
    "while_loop": """
@tf.function
def f(a, b):
    step = lambda k, a: (k + 1, ops.crash_in_compute(x=a, index=b))  # here
    return tf.while_loop(lambda k, a: k < 3, step, [0, a])
f(x, i)
""",
    "cond": """
@tf.function(autograph=False)
def f(a, b):
    def then():
        return ops.crash_in_compute(x=a, index=b)  # here
    return tf.cond(tf.reduce_sum(a) > 0.0, then, lambda: a)
f(x, i)
""",
    "dataset map": """
def g(a, b):
    c = a * 2.0
    return ops.crash_in_compute(x=c, index=b)  # here
for e in tf.data.Dataset.from_tensors((x, i)).map(g):
    pass
""",
    "dataset map in parallel": """
def g(a, b):
    return ops.crash_in_compute(x=a, index=b)  # here
for e in tf.data.Dataset.from_tensors((x, i)).repeat(8).map(g, num_parallel_calls=4):
    pass
""",
    "dataset beside a function": """
@tf.function
def f(a, b):
    return tf.reduce_sum(ops.crash_in_shard(x=a, index=b)) if len(a.shape) > 2 else tf.reduce_sum(a)
def g(a, b):
    return ops.crash_in_compute(x=a, index=b)  # here
for e in tf.data.Dataset.from_tensors((x, i)).map(g):
    f(x, i)
""",
    "graphs with equal names": """
@tf.function
def f(a, b):
    return ops.crash_in_compute(x=a, index=b)
@tf.function
def g(a, b):
    return ops.crash_in_compute(x=a, index=b)  # here
f.get_concrete_function(x, i)
g.get_concrete_function(x, i)
g(x, i)
""",
    "graphs with equal names, the first": """
@tf.function
def f(a, b):
    return ops.crash_in_compute(x=a, index=b)  # here
@tf.function
def g(a, b):
    return ops.crash_in_compute(x=a, index=b)
f.get_concrete_function(x, i)
g.get_concrete_function(x, i)
f(x, i)
""",
    "two threads with equal names": """
import threading
@tf.function
def f(a, b):
    return tf.py_function(lambda a: a, [a], tf.float32)
@tf.function
def g(a, b):
    a = ops.crash_in_compute(x=a, index=b)  # here
    return a
threads = [threading.Thread(target=f, args=(x, i)) for _ in range(3)]
for t in threads: t.start()
g(x, i)
""",
    "keras layer": """
class Layer(tf.keras.layers.Layer):
    def call(self, a):
        a = a * 2.0
        return ops.crash_in_compute(x=a, index=i)  # here
    def compute_output_shape(self, shape):
        return shape
model = tf.keras.Sequential([tf.keras.layers.Dense(4), Layer()])
model.compile('sgd', 'mse')
model.predict(tf.ones([8, 16]), verbose=0)
""",
    "keras model": """
class Model(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = tf.keras.layers.Dense(4)
    def call(self, a):
        a = self.dense(a)
        return ops.crash_in_compute(x=a, index=i)  # here
model = Model()
model.compile('sgd', 'mse', run_eagerly=False)
model.predict(tf.ones([8, 16]), verbose=0)
""",
    "keras loss in fit": """
def loss(y, p):
    return tf.reduce_mean(y - p) + tf.reduce_sum(tf.stop_gradient(ops.crash_in_compute(x=y - p, index=i)))  # here
model = tf.keras.Sequential([tf.keras.layers.Dense(4)])
model.compile('sgd', loss)
model.fit(tf.ones([8, 16]), tf.ones([8, 4]), verbose=0)
""",
    "gradient": """
@tf.custom_gradient
def double(a):
    def gradient(d):
        return ops.crash_in_compute(x=d, index=i)  # here
    return a * 2.0, gradient
@tf.function
def f(a):
    with tf.GradientTape() as tape:
        tape.watch(a)
        b = double(a)
    return tape.gradient(b, a)
f(x)
""",
    "session": """
with tf.Graph().as_default() as g:
    a = tf.compat.v1.placeholder(tf.float32, [64, 4])
    b = ops.crash_in_compute(x=a * 2.0, index=tf.constant([7, -3, 11]))  # here
    with tf.compat.v1.Session(graph=g) as session:
        session.run(b, {a: [[1.0] * 4] * 64})
""",
    "two graphs with equal names": """
graphs = []
for k in range(2):
    g = tf.Graph()
    with g.as_default():
        a = tf.compat.v1.placeholder(tf.float32, [64, 4])
        if k == 0:
            b = ops.crash_in_compute(x=a, index=tf.constant([7, -3, 11]))
        else:
            b = ops.crash_in_compute(x=a, index=tf.constant([7, -3, 11]))  # here
    graphs.append((g, a, b))
g, a, b = graphs[1]
tf.compat.v1.Session(graph=g).run(b, {a: [[1.0] * 4] * 64})
""",
    "eager": """
ops.crash_in_compute(x=x, index=i)
""",
    "eager beside a function": """
@tf.function
def f(a, b):
    return ops.crash_in_compute(x=a, index=b)
f.get_concrete_function(x, i)
ops.crash_in_compute(x=x, index=i)
""",
    "loaded model": """
import subprocess
MAKE = '''
import tensorflow as tf
ops = tf.load_op_library({library!r})
class M(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([64, 4])])
    def f(self, a):
        return ops.crash_in_compute(x=a, index=[7, -3, 11])
tf.saved_model.save(M(), "saved")
'''
subprocess.run([sys.executable, "-c", MAKE], check=True, stderr=subprocess.DEVNULL)
@tf.function
def f(a, b):
    return ops.crash_in_compute(x=a, index=b)
f.get_concrete_function(x, i)
tf.saved_model.load("saved").f(x)
""",
}


@pytest.mark.parametrize("form", PROGRAMS)
def test_line_of_the_node(tensorflow, op_library, form):  # noqa: F811
    program = HEAD.format(library=str(op_library)) + PROGRAMS[form].replace("{library!r}", repr(str(op_library)))
    expected = next((n for n, line in enumerate(program.splitlines(), 1) if line.endswith(MARK)), None)
    framework = incident_of(tensorflow[1], program)["framework"]
    assert framework["op"].startswith("Crash")
    created = framework.get("created_at", {})
    assert created.get("line") == expected, framework
    if expected is not None:
        assert Path(created["file"]).name == "main.py"
        assert created["source"].rstrip().endswith(MARK)
