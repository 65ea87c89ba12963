# A Python number is part of the signature: every step is a new graph.
#
# grows: yes
# retraced: argument rate was another Python number in 199 of 199 traces
# needs: tensorflow
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf


@tf.function
def step(x, rate):
    for _ in range(12):
        x = x * rate + tf.reduce_mean(x)
    return x


x = tf.ones((64, 64))
for i in range(200):
    step(x, i * 0.001)  # grows here
