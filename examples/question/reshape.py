"""The question's second example: (100, 100) to (1000, 10), which it calls incorrect. Both have 10,000 elements."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf

square = tf.random.normal((100, 100))
reshaped = tf.reshape(square, (1000, 10))
print("shape", tuple(reshaped.shape), "mean", tf.reduce_mean(reshaped).numpy())
