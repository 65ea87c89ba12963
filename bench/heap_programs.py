"""Programs whose time with and without protection of the heap is compared: one per argument.

eager       small TensorFlow operations, one after the other
numpy KB    temporaries of that size, NumPy only
lists       Python lists that grow
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def eager() -> None:
    import tensorflow as tf

    a = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    for _ in range(100_000):
        tf.tanh(tf.matmul(a, a) + a)


def numpy(kilobytes: int) -> None:
    import numpy as np

    a, b = np.ones(kilobytes * 128), np.ones(kilobytes * 128)
    for _ in range(max(20, 8_000_000 // kilobytes // 8)):
        (a + b) * 2.0


def lists() -> None:
    for _ in range(20):
        grown = []
        for i in range(1_000_000):
            grown.append(i)


if __name__ == "__main__":
    program, *arguments = sys.argv[1:]
    {"eager": eager, "numpy": numpy, "lists": lists}[program](*map(int, arguments))
