"""Programs that must be what they were while Segwhy watches TensorFlow build graphs: what they print, tracebacks of
exceptions out of traced code included, and what they can see of their interpreter.
"""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from test_tensorflow_ops import case_runner, tensorflow  # noqa: E402, F401

pytestmark = pytest.mark.slow

PROGRAMS = {
    "exceptions out of traced code": """
import traceback, warnings
import tensorflow as tf
def attempt(call, *arguments):
    try:
        call(*arguments)
    except Exception:
        traceback.print_exc()
@tf.function
def reshape(a):
    b = a + 1.0
    if tf.reduce_sum(b) > 0.0:
        b = tf.reshape(b, [7, 7])
    return b
def outer(a):
    return reshape(a)
@tf.function
def raises(a):
    raise RuntimeError("while traced")
@tf.function
def asserts(a):
    return tf.debugging.assert_less(a, 1.0, message="while run")
@tf.function
def gradient(a):
    with tf.GradientTape() as tape:
        tape.watch(a)
        b = tf.matmul(a, a)
    return tape.gradient(b, [a, 3])
def warn():
    warnings.warn("from the caller's line", stacklevel=2)
@tf.function(autograph=False)
def warned(a):
    warn()
    return a
attempt(outer, tf.ones([3]))
attempt(reshape, tf.ones([3, 3]), 1)
attempt(raises, 1)
attempt(asserts, tf.constant(2.0))
attempt(gradient, tf.ones([2, 2]))
warned(1)
with tf.Graph().as_default():
    a = tf.constant(1.0)
    attempt(tf.matmul, a, a)
    x = tf.compat.v1.placeholder(tf.float32)
    y = tf.debugging.check_numerics(x, "bad")
    attempt(tf.compat.v1.Session().run, y, {x: float("nan")})
""",
    "what the interpreter shows": """
import inspect, os, sys, threading
import tensorflow as tf
@tf.function
def f(a):
    return a + 1.0
f(tf.ones([2]))
print(len(sys.modules), sorted(m for m in sys.modules if "segwhy" in m.lower()))
print(sys.path, sys.meta_path, sys.path_hooks, sys.getprofile(), sys.gettrace())
print(threading.active_count(), sorted(k for k in os.environ if "PYTHON" in k))
print(inspect.signature(tf.Graph), inspect.signature(tf.Graph.create_op), inspect.signature(tf.compat.v1.Session.run))
print(sorted(getattr(tf.Graph(), "__dict__", ())))
""",
    "threads and forks": """
import os, threading
import tensorflow as tf
def build(n):
    with tf.Graph().as_default() as g:
        for _ in range(n):
            tf.constant(1.0)
        names[n] = [o.name for o in g.get_operations()]
names = {}
threads = [threading.Thread(target=build, args=(n,)) for n in range(50, 58)]
for t in threads: t.start()
for t in threads: t.join()
print(sorted((n, len(v), v[-1]) for n, v in names.items()), flush=True)
pid = os.fork()
if pid == 0:
    build(3)
    print(names[3], flush=True)
    os._exit(5)
print(os.waitpid(pid, 0)[1])
""",
}


def stable(text):
    """`text` without what differs from one run to the next of the plain program."""
    text = re.sub(r"__autograph_generated_file\w+", "GENERATED", text)
    text = re.sub(r"segwhy-case-\w+", "FOLDER", text)
    text = re.sub(r"0x[0-9a-f]+", "ADDRESS", text)
    text = re.sub(r"pid=\d+", "PID", text)
    text = re.sub(r"(__inference\w*?|_fn|function)_\d+", r"\1_N", text)
    return "\n".join(line for line in text.splitlines() if not re.match(r"[IWE]\d{4} |\d{4}-\d\d-\d\d |WARNING: All log", line))


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_is_what_it_was(tensorflow, name):  # noqa: F811
    files = {"main.py": PROGRAMS[name]}
    plain, watched = (case_runner.run_case(tensorflow[1], files, under_segwhy=under) for under in (False, True))
    assert plain.status == watched.status == 0
    assert stable(watched.stdout) == stable(plain.stdout)
    assert stable(watched.stderr) == stable(plain.stderr)
