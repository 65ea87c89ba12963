"""Builds graphs and calls eager ops, and prints what each took: seconds per round, the least of several rounds.

usage: graph_building.py function|resnet|eager
"""

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf  # noqa: E402

NODES = 1000
EAGER_CALLS = 3000


def function():
    """Traces a function of 1,000 nodes, each of one line."""

    @tf.function(autograph=False)
    def traced(a):
        for _ in range(NODES):
            a = tf.add(a, a)
        return a

    traced.get_concrete_function(tf.TensorSpec([4], tf.float32))


def resnet():
    """A ResNet-50-sized model: made, and traced for a call."""
    model = tf.keras.applications.ResNet50(weights=None)
    tf.function(model, autograph=False).get_concrete_function(tf.TensorSpec([1, 224, 224, 3], tf.float32))
    tf.keras.backend.clear_session()


def eager():
    """Small eager ops."""
    a = tf.ones([4])
    for _ in range(EAGER_CALLS):
        a = tf.add(a, a)


ROUNDS = {"function": (function, 12), "resnet": (resnet, 3), "eager": (eager, 20)}
work, rounds = ROUNDS[sys.argv[1]]
work()
least = float("inf")
for _ in range(rounds):
    started = time.process_time()
    work()
    least = min(least, time.process_time() - started)
print(f"seconds {least:.6f}")
