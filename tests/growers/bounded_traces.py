# A function is traced once for each of ten shapes.
#
# grows: no
# needs: tensorflow
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf


@tf.function
def step(x):
    for _ in range(12):
        x = x * 0.5 + tf.reduce_mean(x)
    return x


for i in range(1500):
    step(tf.ones((i % 10 + 1, 64)))
