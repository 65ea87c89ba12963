# A new function object every time.
#
# grows: yes
# retraced: it was another function object, made of the same code, in 199 of 199 traces
# needs: tensorflow
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf

functions = []
x = tf.ones((64, 64))
for i in range(200):
    step = tf.function(lambda v: tf.reduce_sum(v * 2.0 + tf.reduce_mean(v) - tf.reduce_max(v)))
    step(x)  # grows here
    functions.append(step)
