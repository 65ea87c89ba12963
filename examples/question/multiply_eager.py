"""The third example improved: the same, run eagerly. `float`: see multiply_graph.py."""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf

DTYPE = tf.float32 if "float" in sys.argv[1:] else tf.int32
tf.config.run_functions_eagerly(True)


def scale(x):
    factors = tf.constant([1, 2, 3], dtype=DTYPE)
    return tf.multiply(x, factors)


print(scale(tf.random.normal((1000, 1000))))
