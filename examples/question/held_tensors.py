"""The question's first example: a list keeps nearly all of a thousand tensors of 4 MB, and one of them is read at the end."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf

STEPS = 1000

kept = []
for step in range(STEPS):
    kept.append(tf.random.normal((1000, 1000)))
    if step % 100 == 0:
        del kept[0]

print("kept", len(kept), "sum", tf.reduce_sum(kept[500]).numpy())
