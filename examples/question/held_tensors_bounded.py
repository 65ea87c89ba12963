"""The first example improved: a deque of at most 500 tensors, the oldest of which is used and then dropped."""

import os
from collections import deque

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf

STEPS, MOST = 1000, 500

kept = deque(maxlen=MOST)
for step in range(STEPS):
    kept.append(tf.random.normal((1000, 1000)))
    if step > MOST:
        total = tf.reduce_sum(kept[0])
        kept.popleft()

print("kept", len(kept), "sum", total.numpy())
