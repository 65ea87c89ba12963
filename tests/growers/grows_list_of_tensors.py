# Losses are collected as tensors.
#
# grows: yes
# held: tensors
# needs: tensorflow
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf

tensors = []
for i in range(200):
    tensor = tf.random.normal((200, 500))  # grows here
    tensors.append(tensor)
    for _ in range(16):  # the step's own work
        tf.reduce_sum(tf.matmul(tensor, tensor, transpose_b=True))
