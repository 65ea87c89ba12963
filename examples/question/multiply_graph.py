"""The question's third example: in a graph, [1000, 1000] times three numbers. With `float` as argument their type fits, and the
shapes are what is left to complain of."""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf

DTYPE = tf.float32 if "float" in sys.argv[1:] else tf.int32


@tf.function
def scale(x):
    factors = tf.constant([1, 2, 3], dtype=DTYPE)
    return tf.multiply(x, factors)


print(scale(tf.random.normal((1000, 1000))))
