# Every batch has a length of its own.
#
# grows: yes
# retraced: argument x had another shape in 199 of 199 traces
# needs: tensorflow
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf


@tf.function
def step(x):
    for _ in range(12):
        x = x * 0.5 + tf.reduce_mean(x)
    return x


for i in range(200):
    step(tf.ones((i + 1,)))  # grows here
