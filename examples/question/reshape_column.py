"""The second example improved: (100, 100) to (10000, 1). As valid as the first form, no more and no less."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf

square = tf.random.normal((100, 100))
reshaped = tf.reshape(square, (10000, 1))
print("shape", tuple(reshaped.shape), "mean", tf.reduce_mean(reshaped).numpy())
