# cache() without a file name, on data that never repeats. TensorFlow's own threads make the elements: they run no
# Python, so that native code is named and no line.
#
# grows: yes
# native: tensorflow
# needs: tensorflow
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf

data = tf.data.Dataset.range(200).map(lambda i: tf.random.normal((200, 500))).cache()
for element in data:
    for _ in range(40):  # the step's own work
        tf.reduce_sum(tf.matmul(element, element, transpose_b=True))
